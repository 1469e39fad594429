using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Rooms;

/// <summary>
/// Brings membership changes from the rooms' outbox to the directory's index of who is in which room. The outbox is written in the transaction that changes the
/// membership, so a crash between the two loses nothing: it is caught up at the next start.
/// </summary>
public sealed partial class MembershipIndex(IRoomStore rooms, IDirectory directory, TimeProvider time, ILogger<MembershipIndex> log)
    : BackgroundService
{
    private const int PageMax = 1_000;
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(2);

    private readonly Lock _gate = new();
    private Task _running = Task.CompletedTask;
    private Task? _next;

    /// <summary>Raised for each change once the index has it. Handlers must be quick and must not throw.</summary>
    public event Action<TenantId, UserId>? Changed;

    /// <summary>
    /// Ends when all changes that were in the outbox at the call are in the index. Callers share runs: at most one is under way and one waits. Never throws: what fails now
    /// is tried again in the background.
    /// </summary>
    public Task CatchUp()
    {
        lock (_gate)
        {
            if (_running.IsCompleted)
            {
                return _running = Run();
            }

            // The run under way may have read the outbox before this caller's change: wait for the one after it.
            return _next ??= RunAfter(_running);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(RetryEvery, time);
        try
        {
            do
            {
                await CatchUp();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task RunAfter(Task before)
    {
        await before;
        Task run;
        lock (_gate)
        {
            _next = null;
            _running = run = Run();
        }

        await run;
    }

    private async Task Run()
    {
        // Off the caller's thread, which may be the write path's.
        await Task.Yield();
        try
        {
            while (true)
            {
                IReadOnlyList<MembershipChange> changes = await rooms.ReadMembershipOutbox(PageMax, CancellationToken.None);
                if (changes.Count == 0)
                {
                    return;
                }

                await directory.ApplyMemberships(changes, CancellationToken.None);
                await rooms.AcknowledgeMembershipOutbox(changes[^1].Id, CancellationToken.None);
                foreach (MembershipChange change in changes)
                {
                    Changed?.Invoke(change.Tenant, change.User);
                }
            }
        }
        catch (Exception e)
        {
            LogFailed(e);
        }
    }

    [LoggerMessage(1003, LogLevel.Error, "The index of memberships could not be brought up to date; it is tried again")]
    private partial void LogFailed(Exception e);
}
