using Monstera.Data.Ids;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

// What those who look at rooms are told.
public sealed partial class OpenRooms
{
    /// <summary>Changes of presence are gathered for so long and told together: when many come at once, each who looks gets a few frames rather than one for everybody.</summary>
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(100);

    private const int PeoplePerFrameMax = 200;

    private readonly ITimer _tell;
    private int _isTelling;
    private HashSet<(TenantId Tenant, UserId User)> _changed = [];
    private Dictionary<ChatConnection, HashSet<UserId>> _untold = [];

    /// <summary>Tells all who look at the room but the user's own connections.</summary>
    private void Signal(TypingSignal typing)
    {
        ChatConnection[] watchers;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(typing.Room, out OpenRoom? open) || open.Tenant != typing.Tenant)
            {
                return;
            }

            watchers = [.. open.Watchers.Where(watcher => watcher.Caller.User != typing.User)];
        }

        ReadOnlyMemory<byte> signal = SignalFrames.Typing(typing.Room, typing.User);
        foreach (ChatConnection watcher in watchers)
        {
            watcher.TrySignal(signal);
        }
    }

    private void Take(NodeSignal told)
    {
        if (told is TypingSignal typing && IsOpen(typing.Room) && !_presence.IsInvisible(typing.Tenant, typing.User))
        {
            // Not on the thread that brings what other nodes committed.
            ThreadPool.UnsafeQueueUserWorkItem(static work => work.Rooms.Signal(work.Typing), (Rooms: this, Typing: typing), preferLocal: false);
        }
    }

    private bool IsOpen(RoomId room)
    {
        lock (_gate)
        {
            return _rooms.ContainsKey(room);
        }
    }

    private void NotePresence(PresenceChange change)
    {
        lock (_gate)
        {
            if (_ofMember.ContainsKey(change.User) && _changed.Add((change.Tenant, change.User)) && _changed.Count == 1 && _untold.Count == 0)
            {
                _tell.Change(Gather, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void TellPresenceInTurn()
    {
        if (Interlocked.Exchange(ref _isTelling, 1) == 1)
        {
            // The last time is not over yet: what it tells must not come after what is newer.
            _tell.Change(Gather, Timeout.InfiniteTimeSpan);
            return;
        }

        TellPresence();
        Volatile.Write(ref _isTelling, 0);
    }

    /// <summary>Tells of each who has changed since the last time what they are now. Who is busy with other things is told the next time.</summary>
    private void TellPresence()
    {
        Dictionary<ChatConnection, HashSet<UserId>> news;
        lock (_gate)
        {
            news = _untold;
            _untold = [];
            foreach ((TenantId tenant, UserId user) in _changed)
            {
                if (_ofMember.TryGetValue(user, out HashSet<OpenRoom>? rooms))
                {
                    foreach (ChatConnection watcher in rooms.Where(room => room.Tenant == tenant).SelectMany(room => room.Watchers))
                    {
                        if (watcher.Caller.User != user)
                        {
                            (news.TryGetValue(watcher, out HashSet<UserId>? ofWatcher) ? ofWatcher : news[watcher] = []).Add(user);
                        }
                    }
                }
            }

            _changed = [];
        }

        foreach (IGrouping<TenantId, KeyValuePair<ChatConnection, HashSet<UserId>>> ofTenant in news.GroupBy(one => one.Key.Caller.Tenant))
        {
            // Those who look at the same rooms are told the same: most share their frames.
            foreach (IGrouping<HashSet<UserId>, ChatConnection> alike in ofTenant.GroupBy(one => one.Value, one => one.Key, HashSet<UserId>.CreateSetComparer()))
            {
                IReadOnlyDictionary<UserId, PresenceState> states = _presence.States(ofTenant.Key, alike.Key);
                foreach (UserId[] some in alike.Key.Chunk(PeoplePerFrameMax))
                {
                    ReadOnlyMemory<byte> signal = SignalFrames.Presence(some.Select(user => (user, states.GetValueOrDefault(user))));
                    KeepFor([.. alike.Where(watcher => !watcher.TrySignal(signal) && !watcher.IsEnded)], some);
                }
            }
        }
    }

    private void KeepFor(ChatConnection[] busy, UserId[] people)
    {
        if (busy.Length == 0)
        {
            return;
        }

        lock (_gate)
        {
            foreach (ChatConnection watcher in busy)
            {
                (_untold.TryGetValue(watcher, out HashSet<UserId>? ofWatcher) ? ofWatcher : _untold[watcher] = []).UnionWith(people);
            }

            _tell.Change(Gather, Timeout.InfiniteTimeSpan);
        }
    }
}
