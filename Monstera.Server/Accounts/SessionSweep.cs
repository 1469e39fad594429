using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Server.Hosting;

namespace Monstera.Server.Accounts;

/// <summary>Removes sessions and invitations that have expired. They count for nothing already; this gives their room back.</summary>
internal sealed partial class SessionSweep(IDirectory directory, TimeProvider time, ILogger<SessionSweep> log, JobMeter? jobs = null) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Every, time);
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                await Sweep(stoppingToken);
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task Sweep(CancellationToken stoppingToken)
    {
        try
        {
            Task Remove() => directory.RemoveExpired(time.GetUtcNow(), stoppingToken).AsTask();
            await (jobs?.Run("session_sweep", Remove) ?? Remove());
        }
        catch (StorageUnavailableException e)
        {
            LogNotSwept(log, e);
        }
    }

    [LoggerMessage(2030, LogLevel.Warning, "Expired sessions and invitations could not be removed; it is tried again in an hour.")]
    private static partial void LogNotSwept(ILogger logger, Exception exception);
}
