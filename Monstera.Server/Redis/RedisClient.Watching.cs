namespace Monstera.Server.Redis;

/// <summary>Who takes writes now, and whether all of them can be reached.</summary>
public sealed partial class RedisClient
{
    private static readonly TimeSpan AskSentinelsEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan AskClusterEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAtServerEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan LookAgainAfter = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LogRefusalsEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan CompareMarksEvery = TimeSpan.FromSeconds(1);

    void IRedisLinkOwner.Check(RedisConnection connection)
    {
        RedisReply greeting = connection.Greeting;
        if (greeting.Of("role").Text != "master" || greeting.Of("mode").Text == "cluster" != _nodes.IsCluster)
        {
            throw new RedisUnavailableException($"Redis at {connection.Address} is no master any more.");
        }
    }

    void IRedisLinkOwner.Opened(RedisLink link) => _subscriptions.Reconcile(again: false);

    void IRedisLinkOwner.Changed() => Evaluate();

    void IRedisLinkOwner.Failed(RedisLink link, RedisUnavailableException reason)
    {
        LogAwayOnce(reason);
        _lookNow.Give();
    }

    private async Task Watch()
    {
        RedisBackoff backoff = new();
        while (!_stop.IsCancellationRequested)
        {
            TimeSpan wait;
            try
            {
                Nodes nodes = _nodes;
                RedisConnection[] open = [.. nodes.Masters.Select(master => master.Commands.Current).OfType<RedisConnection>()];
                RedisLayout layout = await _discovery.Find(open, nodes.IsCluster, _stop.Token);
                await Apply(layout);
                backoff.Reset();
                wait = WaitUntilNextLook();
            }
            catch (OperationCanceledException)
            {
                return;
            }
            catch (Exception e)
            {
                LogAwayOnce(e as RedisUnavailableException ?? new RedisUnavailableException($"Redis cannot be used: {e.Message}", e));
                wait = backoff.Next();
            }

            // Asked for or not, never more often than that.
            TimeSpan least = wait < LookAgainAfter ? wait : LookAgainAfter;
            await Task.Delay(least, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (wait > least)
            {
                await LookAsked(wait - least);
            }
        }
    }

    private TimeSpan WaitUntilNextLook() => (_follows, _nodes.IsCluster, _isAway) switch
    {
        (true, _, _) => AskSentinelsEvery,
        (_, true, true) => LookAgainAfter * 2,
        (_, true, false) => AskClusterEvery,
        _ => LookAtServerEvery,
    };

    private async Task LookAsked(TimeSpan most)
    {
        using CancellationTokenSource late = new(most, _time);
        using var end = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token, late.Token);
        await _lookNow.Wait(end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task Apply(RedisLayout layout)
    {
        RedisMaster[] gone;
        RedisMaster[] come;
        lock (_gate)
        {
            Nodes before = _nodes;
            RedisMaster[] masters = [.. layout.Masters.Select(address => before.Masters.FirstOrDefault(master => master.Address == address) ?? NewMaster(address))];
            gone = [.. before.Masters.Except(masters)];
            come = [.. masters.Except(before.Masters)];
            _nodes = new Nodes(masters, layout.Slots);
        }

        foreach (RedisMaster master in come)
        {
            master.Start();
        }

        // Those that are given up are closed behind, so that subscriptions find their new place first.
        _subscriptions.Reconcile(again: true);
        Evaluate();
        foreach (RedisMaster master in gone)
        {
            await master.DisposeAsync();
        }

        if (_follows && _isAway)
        {
            await _discovery.AskAnother();
        }
    }

    private RedisMaster NewMaster(RedisAddress address) => new(address, _dialer, this, _subscriptions);

    /// <summary>Where a cluster says that a key is; the map is asked for anew too.</summary>
    private bool TryFollow(RedisErrorException error, out RedisMaster? next)
    {
        next = null;
        string[] words = error.Message.Split(' ');
        if (words is not ["MOVED" or "ASK", _, _, ..] || !int.TryParse(words[1], out int slot) || slot is < 0 or >= RedisSlot.Count
            || !RedisAddress.TryParseLast(words[2], out RedisAddress address))
        {
            return false;
        }

        bool isNew;
        lock (_gate)
        {
            Nodes before = _nodes;
            if (before.Slots is null || _stop.IsCancellationRequested)
            {
                return false;
            }

            int place = Array.FindIndex(before.Masters, master => master.Address == address);
            isNew = place < 0;
            RedisMaster[] masters = isNew ? [.. before.Masters, NewMaster(address)] : before.Masters;
            place = isNew ? masters.Length - 1 : place;
            short[] slots = before.Slots;
            if (words[0] == "MOVED")
            {
                slots = [.. slots];
                slots[slot] = (short)place;
            }

            next = masters[place];
            _nodes = new Nodes(masters, slots);
        }

        if (isNew)
        {
            next.Start();
        }

        _lookNow.Give();
        return true;
    }

    private void PublishRefused(RedisErrorException error)
    {
        if (error.Code is "MOVED" or "CLUSTERDOWN" or "READONLY")
        {
            _lookNow.Give();
        }
        else if (_refusals.IsTime())
        {
            LogPublishRefused(_log, error.Message);
        }
    }

    private void Evaluate()
    {
        bool isBack;
        lock (_gate)
        {
            Nodes nodes = _nodes;
            bool isAway = nodes.Masters.Length == 0 || !Array.TrueForAll(nodes.Masters, master => master.IsReady) || _subscriptions.AnyRefused;
            if (isAway == _isAway || _stop.IsCancellationRequested)
            {
                return;
            }

            isBack = !isAway;
            if (isBack)
            {
                _awayTicks += _time.GetElapsedTime(_awaySince).Ticks;
                _reconnects += _wasBack ? 1 : 0;
                _wasBack = true;
                _awayLogged = false;
                LogBack(_log, string.Join(", ", nodes.Masters.Select(master => master.Address)));
            }
            else
            {
                _awaySince = _time.GetTimestamp();
            }

            _isAway = isAway;
        }

        if (isBack)
        {
            RaiseRestored();
        }
    }

    private void RaiseRestored()
    {
        try
        {
            Restored?.Invoke();
        }
        catch (Exception e)
        {
            LogRestoredBroken(_log, e);
        }
    }

    private void LogAwayOnce(RedisUnavailableException reason)
    {
        lock (_gate)
        {
            if (_awayLogged || _stop.IsCancellationRequested)
            {
                return;
            }

            _awayLogged = true;
        }

        LogAway(_log, reason.Message);
    }

    /// <summary>A server that was emptied answers as before. So each keeps a mark: when it is another one, nothing of what was kept there can be relied on.</summary>
    private async Task WatchMarks()
    {
        while (!_stop.IsCancellationRequested)
        {
            bool emptied = false;
            Nodes nodes = _nodes;
            foreach (RedisMaster master in nodes.Masters)
            {
                try
                {
                    emptied |= !_isAway && nodes.KeyOn(master, this) is { } key && await HasNewMark(master, key);
                }
                catch (Exception e) when (e is RedisUnavailableException or RedisErrorException or InvalidOperationException or OperationCanceledException)
                {
                    // It is away, or may not keep a mark: the next comparison tells.
                }
            }

            if (emptied)
            {
                LogEmptied(_log);
                RaiseRestored();
            }

            await Task.Delay(CompareMarksEvery, _time, _stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> HasNewMark(RedisMaster master, string key)
    {
        string? mark = (await Call(key, ["GET", key], _stop.Token)).Text;
        if (mark is null)
        {
            await Call(key, ["SET", key, Guid.NewGuid().ToString("N"), "NX"], _stop.Token);
            mark = (await Call(key, ["GET", key], _stop.Token)).Text;
        }

        (string? known, master.Mark) = (master.Mark, $"{key} {mark}");
        return known is not null && known != master.Mark && known.StartsWith(key, StringComparison.Ordinal);
    }

    [LoggerMessage(1410, LogLevel.Warning, "Redis is away: {Reason} Chat goes on, a little slower between nodes; it is tried again until it is back")]
    private static partial void LogAway(ILogger log, string reason);

    [LoggerMessage(1411, LogLevel.Information, "Redis is there: {Addresses}")]
    private static partial void LogBack(ILogger log, string addresses);

    [LoggerMessage(1412, LogLevel.Warning, "Redis was emptied; what nodes keep there is written again")]
    private static partial void LogEmptied(ILogger log);

    [LoggerMessage(1413, LogLevel.Error, "Redis refuses what is published: {Error}")]
    private static partial void LogPublishRefused(ILogger log, string error);

    [LoggerMessage(1414, LogLevel.Error, "A handler of the return of Redis failed")]
    private static partial void LogRestoredBroken(ILogger log, Exception e);

    /// <summary>The present masters; replaced whole.</summary>
    private sealed record Nodes(RedisMaster[] Masters, short[]? Slots)
    {
        public bool IsCluster => Slots is not null;

        public RedisMaster? Of(string key) =>
            Slots is null ? Masters.Length > 0 ? Masters[0] : null
            : Slots[RedisSlot.Of(key)] is >= 0 and var place ? Masters[place] : null;

        /// <summary>A key of our own that lies on this server.</summary>
        public string? KeyOn(RedisMaster master, RedisClient client) =>
            Enumerable.Range(0, 256).Select(i => client.Key($"mark{i}", "mark")).FirstOrDefault(key => Of(key) == master);
    }
}
