using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Hosting;

namespace Monstera.Server.Rooms;

/// <summary>
/// Brings membership changes from the outboxes of the rooms' partitions to the directory's index of who is in which room. An outbox is written in the transaction that changes the
/// membership, so a crash between the two loses nothing: it is caught up at the next start. A partition that is away holds up its own changes alone.
/// </summary>
public sealed partial class MembershipIndex : BackgroundService
{
    private const int PageMax = 1_000;
    private static readonly TimeSpan RetryEvery = TimeSpan.FromSeconds(2);
    private readonly IDirectory _directory;
    private readonly TimeProvider _time;
    private readonly ILogger<MembershipIndex> _log;
    private readonly JobMeter? _jobs;
    private readonly Line[] _lines;

    public MembershipIndex(IRoomStore rooms, IDirectory directory, TimeProvider time, ILogger<MembershipIndex> log, JobMeter? jobs = null)
    {
        ArgumentNullException.ThrowIfNull(rooms);
        _directory = directory;
        _time = time;
        _log = log;
        _jobs = jobs;
        _lines = [.. rooms.Outboxes.Select((outbox, partition) => new Line(this, outbox, partition))];
    }

    /// <summary>Raised for each change once the index has it, by one partition at a time or by several. Handlers must be quick and must not throw.</summary>
    public event Action<TenantId, UserId>? Changed;

    /// <summary>
    /// Ends when all changes that were in the partition's outbox at the call are in the index. Callers share runs: at most one is under way and one waits. Never throws: what fails
    /// now is tried again in the background.
    /// </summary>
    public Task CatchUp(int partition) => _lines[partition].CatchUp();

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(_lines.Select(line => CatchUpRegularly(line, stoppingToken)));

    private async Task CatchUpRegularly(Line line, CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(RetryEvery, _time);
        try
        {
            do
            {
                await line.CatchUp();
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    [LoggerMessage(1003, LogLevel.Error, "The index of memberships could not be brought up to date with partition {Partition} of the rooms; it is tried again")]
    private partial void LogFailed(Exception e, int partition);

    /// <summary>The way from one outbox to the index.</summary>
    private sealed class Line(MembershipIndex index, IMembershipOutbox outbox, int partition)
    {
        private readonly Lock _gate = new();
        private readonly Seldom _complaints = Seldom.OfRetries(index._time);
        private Task _running = Task.CompletedTask;
        private Task? _next;

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
            long begun = index._jobs?.Begin() ?? 0;
            bool succeeded = false;
            try
            {
                while (true)
                {
                    IReadOnlyList<MembershipChange> changes = await outbox.Read(PageMax, CancellationToken.None);
                    if (changes.Count == 0)
                    {
                        _complaints.Reset();
                        succeeded = true;
                        return;
                    }

                    await index._directory.ApplyMemberships(changes, CancellationToken.None);
                    await outbox.Acknowledge(changes[^1].Id, CancellationToken.None);
                    foreach (MembershipChange change in changes)
                    {
                        index.Changed?.Invoke(change.Tenant, change.User);
                    }
                }
            }
            catch (Exception e)
            {
                // A partition may be away for long, and is asked every few seconds.
                if (_complaints.IsTime())
                {
                    index.LogFailed(e, partition);
                }
            }
            finally
            {
                index._jobs?.Ended("outbox", begun, succeeded);
            }
        }
    }
}
