using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Hosting;

namespace Monstera.Server.Realtime;

/// <summary>
/// Asks the directory whether the sessions of this node's connections still live: those that another node has ended without this one hearing of it, those that have expired, and those
/// whose account is gone are ended here. Every half minute; every second while the backplane is away; at once when it is back.
/// </summary>
/// <remarks>Cheap: one query for a thousand sessions. A live connection is use of its session, so this also keeps the session from expiring.</remarks>
public sealed partial class SessionWatch : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Regularly = TimeSpan.FromSeconds(30);
    private readonly ConnectionRegistry _registry;
    private readonly SessionEndings _endings;
    private readonly IDirectory _directory;
    private readonly IBackplane _backplane;
    private readonly JobMeter? _jobs;
    private readonly TimeProvider _time;
    private readonly ILogger<SessionWatch> _log;
    private readonly TimeSpan _sessionLasts;
    private readonly Seldom _complaints;
    private readonly Lock _gate = new();
    private readonly Dictionary<SessionId, long> _extendedAt = [];
    private Task _run = Task.CompletedTask;
    private bool _isRunning;
    private bool _again;

    public SessionWatch(
        ConnectionRegistry registry,
        SessionEndings endings,
        IDirectory directory,
        IBackplane backplane,
        IOptions<MonsteraOptions> options,
        TimeProvider time,
        ILogger<SessionWatch> log,
        JobMeter? jobs = null)
    {
        ArgumentNullException.ThrowIfNull(backplane);
        ArgumentNullException.ThrowIfNull(options);
        _registry = registry;
        _endings = endings;
        _directory = directory;
        _backplane = backplane;
        _jobs = jobs;
        _time = time;
        _log = log;
        _complaints = Seldom.OfRetries(time);
        _sessionLasts = TimeSpan.FromDays(options.Value.Sessions.Days);
        backplane.Missed += partition =>
        {
            if (partition is null)
            {
                _ = Check();
            }
        };
    }

    /// <summary>
    /// Ends when all connections that are there now have been looked at. Callers share runs: at most one is under way and one waits. Never throws: what could not be asked is asked again.
    /// </summary>
    public Task Check()
    {
        lock (_gate)
        {
            if (_isRunning)
            {
                // What the run under way has read may be older than what the caller knows.
                _again = true;
                return _run;
            }

            _isRunning = true;
            return _run = Task.Run(Run);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Every, _time);
        long checkedAt = _time.GetTimestamp();
        try
        {
            while (await timer.WaitForNextTickAsync(stoppingToken))
            {
                if (_backplane.IsAway || _time.GetElapsedTime(checkedAt) >= Regularly)
                {
                    checkedAt = _time.GetTimestamp();
                    await Check();
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The server stops.
        }
    }

    private async Task Run()
    {
        do
        {
            try
            {
                await (_jobs?.Run("session_check", CheckAll) ?? CheckAll());
                _complaints.Reset();
            }
            catch (Exception e)
            {
                if (_complaints.IsTime())
                {
                    LogFailed(e);
                }
            }
        }
        while (GoesOn());
    }

    private bool GoesOn()
    {
        lock (_gate)
        {
            _isRunning = _again;
            _again = false;
            return _isRunning;
        }
    }

    private async Task CheckAll()
    {
        DateTimeOffset now = _time.GetUtcNow();
        ChatConnection[] connections = [.. _registry.All.Where(connection => connection is { IsEnded: false, Caller.Session: not null })];
        foreach (IGrouping<TenantId, ChatConnection> ofTenant in connections.GroupBy(connection => connection.Caller.Tenant))
        {
            IEnumerable<SessionId> sessions = ofTenant.Select(connection => connection.Caller.Session!.Value).Distinct();
            foreach (SessionId[] some in sessions.Chunk(IDirectory.LiveSessionsMax))
            {
                IReadOnlyList<SessionId> live = await _directory.FindLiveSessions(ofTenant.Key, some, now, CancellationToken.None);
                foreach (SessionId ended in some.Except(live))
                {
                    _endings.Note(ended);
                }
            }
        }

        await Extend(connections, now);
    }

    /// <summary>Using the API extends a session. A connection that only listens for weeks does it here, long before the session would expire.</summary>
    private async Task Extend(ChatConnection[] connections, DateTimeOffset now)
    {
        TimeSpan due = _sessionLasts / 4;
        HashSet<SessionId> old = [];
        foreach (ChatConnection connection in connections.Where(connection => !connection.IsEnded && _time.GetElapsedTime(connection.ConnectedAt) >= due))
        {
            SessionId session = connection.Caller.Session!.Value;
            if (old.Add(session) && (!_extendedAt.TryGetValue(session, out long at) || _time.GetElapsedTime(at) >= due))
            {
                await _directory.TouchSession(connection.Caller.Tenant, session, now, now + _sessionLasts, CancellationToken.None);
                _extendedAt[session] = _time.GetTimestamp();
            }
        }

        foreach (SessionId gone in _extendedAt.Keys.Where(session => !old.Contains(session)).ToArray())
        {
            _extendedAt.Remove(gone);
        }
    }

    [LoggerMessage(1205, LogLevel.Warning, "Whether the sessions of live connections still hold could not be asked; it is tried again")]
    private partial void LogFailed(Exception e);
}
