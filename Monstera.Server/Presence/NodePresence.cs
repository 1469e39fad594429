using System.Diagnostics.Metrics;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

/// <summary>
/// Presence over several nodes. Each node owns the table of who is connected to it and tells the others what changes in it, gathered and counted; who finds a gap between counters
/// reads the table whole. A node that was not heard of for the lease is gone, and its users with it; but while the backplane is away nobody is heard of, so all stay as they were.
/// </summary>
public sealed partial class NodePresence : IPresence, IHostedService, IDisposable
{
    /// <summary>How often it is looked whose lease has ended.</summary>
    private static readonly TimeSpan TickEvery = TimeSpan.FromSeconds(1);

    private const int UsersPerRead = 100;

    private readonly Guid _node;
    private readonly IBackplane _backplane;
    private readonly IPresenceTables _tables;
    private readonly IDirectory _directory;
    private readonly TimeProvider _time;
    private readonly ILogger<NodePresence> _log;
    private readonly TimeSpan _gather;
    private readonly TimeSpan _heartbeat;
    private readonly TimeSpan _lease;
    private readonly PresenceTable _table;
    private readonly ITimer _flush;
    private readonly ITimer _tick;
    private readonly CancellationTokenSource _stop = new();
    private int _refreshing;

    public NodePresence(
        Node node,
        IBackplane backplane,
        IPresenceTables tables,
        IDirectory directory,
        IOptions<MonsteraOptions> options,
        TimeProvider time,
        ILogger<NodePresence> log,
        IMeterFactory? meters = null)
    {
        ArgumentNullException.ThrowIfNull(node);
        ArgumentNullException.ThrowIfNull(backplane);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _node = node.Id;
        _backplane = backplane;
        _tables = tables;
        _directory = directory;
        _time = time;
        _log = log;
        PresenceOptions presence = options.Value.Presence;
        _gather = TimeSpan.FromMilliseconds(presence.GatherMs);
        _heartbeat = TimeSpan.FromSeconds(presence.HeartbeatSeconds);
        _lease = TimeSpan.FromSeconds(presence.LeaseSeconds);
        _table = new PresenceTable(time);
        _table.Changed += change => Changed?.Invoke(change);
        _table.ChoiceChanged += (tenant, user, choice) => ChoiceChanged?.Invoke(tenant, user, choice);
        _table.HereChanged += Note;
        _flush = time.CreateTimer(_ => Flush(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _tick = time.CreateTimer(_ => Tick(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        if (meters is not null)
        {
            PresenceMeter.Create(meters, () => _table.Online, CountOthers);
        }

        backplane.Told += Take;
        backplane.Missed += Miss;
    }

    public event Action<PresenceChange>? Changed;

    public event Action<TenantId, UserId, PresenceChoice>? ChoiceChanged;

    public void Connected(TenantId tenant, UserId user, string connection, PresenceSetting setting, bool active = true) =>
        _table.Connected(tenant, user, connection, setting, active);

    public void SetActivity(TenantId tenant, UserId user, string connection, bool active) => _table.SetActivity(tenant, user, connection, active);

    public void Disconnected(TenantId tenant, UserId user, string connection) => _table.Disconnected(tenant, user, connection);

    public void SetChoice(TenantId tenant, UserId user, PresenceSetting setting) => _table.SetChoice(tenant, user, setting);

    public IReadOnlyDictionary<UserId, PresenceState> States(TenantId tenant, IReadOnlyCollection<UserId> users) => _table.States(tenant, users);

    public bool IsInvisible(TenantId tenant, UserId user) => _table.IsInvisible(tenant, user);

    /// <summary>Says that this node is here; the others answer, and their tables are read.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _tick.Change(TickEvery, TickEvery);
        BeatSoon();
        return Task.CompletedTask;
    }

    /// <summary>Says good-bye: those who were connected here have a moment to come up elsewhere.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stop.CancelAsync();
        _tick.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _flush.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        _backplane.Tell(new NodeLeftSignal(_node));
        await _tables.Remove(_node, cancellationToken);
    }

    public void Dispose()
    {
        _flush.Dispose();
        _tick.Dispose();
        _table.Dispose();
        _stop.Dispose();
    }

    /// <summary>The backplane was away: it is not known what the others have told, nor what they have heard.</summary>
    private void Miss(int? partition)
    {
        if (partition is not null)
        {
            return;
        }

        lock (_sending)
        {
            _isWritten = false;
        }

        ReadAll();
        BeatSoon();
        _ = RefreshChoices();
    }

    private void Tick()
    {
        bool isAway = _backplane.IsAway;
        EndLeases(isAway);
        if (_time.GetElapsedTime(Volatile.Read(ref _beatAt)) < _heartbeat)
        {
            return;
        }

        BeatSoon();
        if (isAway)
        {
            // Choices that were made on other nodes do not get here: of who is invisible nobody may see more than can be helped.
            _ = RefreshChoices();
        }
    }

    /// <summary>Reads again what those who are connected here have chosen: what other nodes told of it may have been lost.</summary>
    private async Task RefreshChoices()
    {
        if (Interlocked.Exchange(ref _refreshing, 1) == 1)
        {
            return;
        }

        // Not under the caller's locks.
        await Task.Yield();
        try
        {
            foreach (IGrouping<TenantId, PresenceEntry> ofTenant in _table.Here().GroupBy(entry => entry.Tenant))
            {
                foreach (PresenceEntry[] some in ofTenant.Chunk(UsersPerRead))
                {
                    foreach (User user in await _directory.FindUsers(ofTenant.Key, [.. some.Select(entry => entry.User)], _stop.Token))
                    {
                        _table.SetChoice(user.Tenant, user.Id, user.Presence);
                    }
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
        catch (Exception e)
        {
            LogChoicesNotRead(e);
        }
        finally
        {
            Volatile.Write(ref _refreshing, 0);
        }
    }

    [LoggerMessage(1320, LogLevel.Warning, "What connected users have chosen to show of their presence could not be read; it is read again later")]
    private partial void LogChoicesNotRead(Exception e);

    [LoggerMessage(1321, LogLevel.Warning, "The presence table of node {Node} could not be exchanged; it is tried again")]
    private partial void LogTableFailed(Exception e, Guid node);
}
