using Microsoft.Extensions.Options;
using Monstera.Data.Backups;
using Monstera.Server.Configuration;
using Monstera.Server.Hosting;

namespace Monstera.Server.Storage;

/// <summary>
/// Tells when the newest finished backup of this installation was begun, as the last success of the job <c>backup</c>, whoever makes backups: <c>Backups:Folder</c> is looked at each minute. 1970 when
/// there is none. One that was seen is not forgotten when the folder is away: it grows old, and that is what alerts look at.
/// </summary>
internal sealed partial class BackupWatch(IOptions<MonsteraOptions> options, InstallationId installation, JobMeter jobs, TimeProvider time, ILogger<BackupWatch> log) : BackgroundService
{
    /// <summary>Of the label.</summary>
    public const string Job = "backup";

    private static readonly TimeSpan Every = TimeSpan.FromMinutes(1);

    private bool _isUnreadable;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Backups.Folder.Length == 0)
        {
            return;
        }

        jobs.HasSucceeded(Job, DateTimeOffset.UnixEpoch);
        using PeriodicTimer timer = new(Every, time);
        try
        {
            do
            {
                // A file share that hangs must not hold up the start.
                await Task.Run(Look, stoppingToken);
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private void Look()
    {
        string folder = Path.GetFullPath(options.Value.Backups.Folder);
        try
        {
            if (BackupFolder.Newest(folder, installation.Value, time.GetUtcNow()) is { } newest)
            {
                jobs.HasSucceeded(Job, newest.Manifest.At);
            }

            _isUnreadable = false;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Whatever it is: nobody stops chatting for it.
            if (!_isUnreadable)
            {
                _isUnreadable = true;
                LogUnreadable(log, e, folder);
            }
        }
    }

    [LoggerMessage(1330, LogLevel.Warning, "How old the newest backup is cannot be told: {Folder} (Backups:Folder) cannot be read; it is tried again each minute.")]
    private static partial void LogUnreadable(ILogger log, Exception e, string folder);
}
