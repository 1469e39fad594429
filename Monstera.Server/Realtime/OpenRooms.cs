using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Errors;
using Monstera.Server.Feeds;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Realtime.Hub;

namespace Monstera.Server.Realtime;

/// <summary>
/// Which connections look at which rooms: only they get the signals of a room (typing, and who of its members comes and goes). The members of open rooms are kept here, so
/// that somebody who comes online costs no reading. An open room holds the room's feed, from which it hears of members who join and leave, whichever node they did it on.
/// </summary>
public sealed partial class OpenRooms : IDisposable
{
    public const int PerConnectionMax = 20;

    /// <summary>Presence is shown for so many members of a room, in order of their ids.</summary>
    private const int MembersMax = 1_000;

    private readonly IRoomStore _store;
    private readonly IPresence _presence;
    private readonly IBackplane _backplane;
    private readonly RoomFeeds _feeds;
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, OpenRoom> _rooms = [];
    private readonly Dictionary<UserId, HashSet<OpenRoom>> _ofMember = [];
    private readonly Dictionary<ChatConnection, HashSet<RoomId>> _ofConnection = [];

    public OpenRooms(IRoomStore store, IPresence presence, IBackplane backplane, RoomFeeds feeds, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(backplane);
        ArgumentNullException.ThrowIfNull(feeds);
        ArgumentNullException.ThrowIfNull(time);
        _store = store;
        _presence = presence;
        _backplane = backplane;
        _feeds = feeds;
        _tell = time.CreateTimer(_ => TellPresenceInTurn(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        presence.Changed += NotePresence;
        feeds.MemberChanged += Follow;
        backplane.Told += Take;
    }

    /// <summary>The connection looks at the room.</summary>
    /// <returns>The members who are not offline.</returns>
    public async Task<Result<OpenReply>> Open(ChatConnection connection, RoomId room, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(connection);

        // 1. The feed first, and from where the log stands: whoever joins or leaves from now on is told by it. This is also where it shows whether one may look.
        RoomFeeds.FeedLease lease = _feeds.Acquire(connection.Caller.Tenant, room);
        bool kept = false;
        try
        {
            if (!lease.Feed.Started)
            {
                if (await _store.ReadAfter(connection.Caller.Tenant, room, connection.Caller.User, long.MaxValue - 1, 1, 1, cancel) is not { } page)
                {
                    return Error.NotFound("room");
                }

                lease.Feed.Start(page.Epoch, page.Head);
            }

            lock (_gate)
            {
                if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open) && open.Count >= PerConnectionMax && !open.Contains(room))
                {
                    return Error.Invalid($"room: at most {PerConnectionMax} rooms are open on a connection; close one.");
                }

                kept = Watch(connection, room, lease);
            }

            // 2. Those who are members now.
            return await ReadMembers(connection, room, cancel);
        }
        finally
        {
            if (!kept)
            {
                lease.Dispose();
            }
        }
    }

    public EmptyReply Close(ChatConnection connection, RoomId room)
    {
        ArgumentNullException.ThrowIfNull(connection);
        RoomFeeds.FeedLease? unused;
        lock (_gate)
        {
            unused = Unwatch(connection, room);
        }

        unused?.Dispose();
        return new EmptyReply();
    }

    /// <summary>Somebody types: those who look at the room are told, on every node. Who is invisible types unseen.</summary>
    public Result<EmptyReply> Type(ChatConnection connection, RoomId room)
    {
        ArgumentNullException.ThrowIfNull(connection);

        // A subscription ends with the membership, so it is proof enough for a signal.
        if (!connection.IsSubscribed(room))
        {
            return Error.NotFound("room among those you resumed");
        }

        TypingSignal typing = new(connection.Caller.Tenant, room, connection.Caller.User);
        if (!_presence.IsInvisible(typing.Tenant, typing.User))
        {
            Signal(typing);
            _backplane.Tell(typing);
        }

        return new EmptyReply();
    }

    /// <summary>The connection is gone.</summary>
    public void CloseAll(ChatConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        List<RoomFeeds.FeedLease> unused = [];
        lock (_gate)
        {
            if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? rooms))
            {
                foreach (RoomId room in rooms.ToArray())
                {
                    if (Unwatch(connection, room) is { } lease)
                    {
                        unused.Add(lease);
                    }
                }
            }
        }

        foreach (RoomFeeds.FeedLease lease in unused)
        {
            lease.Dispose();
        }
    }

    public void Dispose() => _tell.Dispose();

    /// <summary>Whose presence those who look at the room hear of; null when nobody looks.</summary>
    internal IReadOnlyCollection<UserId>? MembersOf(RoomId room)
    {
        lock (_gate)
        {
            return _rooms.TryGetValue(room, out OpenRoom? open) ? [.. open.Members] : null;
        }
    }

    private async Task<Result<OpenReply>> ReadMembers(ChatConnection connection, RoomId room, CancellationToken cancel)
    {
        HashSet<UserId>? members = null;
        try
        {
            members = await ReadAllMembers(connection, room, cancel);
        }
        finally
        {
            if (members is null || connection.IsEnded)
            {
                Close(connection, room);
            }
        }

        if (members is null)
        {
            return Error.NotFound("room");
        }

        lock (_gate)
        {
            if (_rooms.TryGetValue(room, out OpenRoom? open) && open.Watchers.Contains(connection))
            {
                // Who left while they were read has been told by the feed.
                members.ExceptWith(open.Left);
                foreach (UserId member in members)
                {
                    AddMember(open, member);
                }
            }
        }

        IReadOnlyDictionary<UserId, PresenceState> states = _presence.States(connection.Caller.Tenant, members);
        return new OpenReply(
            [.. states.Keys],
            states.Where(one => one.Value != PresenceState.Online).ToDictionary(one => one.Key.ToString(), one => one.Value));
    }

    private async Task<HashSet<UserId>?> ReadAllMembers(ChatConnection connection, RoomId room, CancellationToken cancel)
    {
        HashSet<UserId> members = [];
        string? after = null;
        do
        {
            Page<RoomMember>? page = await _store.ReadMembers(
                connection.Caller.Tenant, room, connection.Caller.User, after, RoomLimits.PageMax, cancel);
            if (page is null)
            {
                return null;
            }

            members.UnionWith(page.Items.Select(member => member.User));
            after = page.Next;
        }
        while (after is not null && members.Count < MembersMax);

        return members;
    }

    /// <summary>What the feed tells, under its lock: so no lease is given back here.</summary>
    private void Follow(TenantId tenant, RoomEvent e)
    {
        lock (_gate)
        {
            if (!_rooms.TryGetValue(e.Room, out OpenRoom? open))
            {
                return;
            }

            UserId user = e.User!.Value;
            if (e.Type == EventType.MemberJoined)
            {
                open.Left.Remove(user);
                AddMember(open, user);
                return;
            }

            RemoveMember(open, user);
            if (open.Left.Count < MembersMax)
            {
                open.Left.Add(user);
            }

            foreach (ChatConnection watcher in open.Watchers.Where(watcher => watcher.Caller.User == user).ToArray())
            {
                if (Unwatch(watcher, open.Id) is { } unused)
                {
                    ThreadPool.UnsafeQueueUserWorkItem(static lease => lease.Dispose(), unused, preferLocal: false);
                }
            }
        }
    }

    /// <returns>Whether the lease is the room's now.</returns>
    private bool Watch(ChatConnection connection, RoomId id, RoomFeeds.FeedLease lease)
    {
        bool isFirst = !_rooms.TryGetValue(id, out OpenRoom? room);
        if (room is null)
        {
            _rooms.Add(id, room = new OpenRoom(id, connection.Caller.Tenant, lease));
        }

        room.Watchers.Add(connection);
        if (!_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open))
        {
            _ofConnection.Add(connection, open = []);
        }

        open.Add(id);
        return isFirst;
    }

    /// <returns>The lease of a room that nobody looks at any more, to be disposed of outside the lock.</returns>
    private RoomFeeds.FeedLease? Unwatch(ChatConnection connection, RoomId id)
    {
        if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open) && open.Remove(id) && open.Count == 0)
        {
            _ofConnection.Remove(connection);
        }

        if (!_rooms.TryGetValue(id, out OpenRoom? room) || !room.Watchers.Remove(connection) || room.Watchers.Count > 0)
        {
            return null;
        }

        _rooms.Remove(id);
        foreach (UserId member in room.Members.ToArray())
        {
            RemoveMember(room, member);
        }

        return room.Lease;
    }

    private void AddMember(OpenRoom room, UserId user)
    {
        if (room.Members.Count < MembersMax && room.Members.Add(user))
        {
            if (!_ofMember.TryGetValue(user, out HashSet<OpenRoom>? rooms))
            {
                _ofMember.Add(user, rooms = []);
            }

            rooms.Add(room);
        }
    }

    private void RemoveMember(OpenRoom room, UserId user)
    {
        if (room.Members.Remove(user) && _ofMember.TryGetValue(user, out HashSet<OpenRoom>? rooms) && rooms.Remove(room) && rooms.Count == 0)
        {
            _ofMember.Remove(user);
        }
    }

    private sealed class OpenRoom(RoomId id, TenantId tenant, RoomFeeds.FeedLease lease)
    {
        public RoomId Id { get; } = id;

        public TenantId Tenant { get; } = tenant;

        /// <summary>Keeps the feed, which tells of members.</summary>
        public RoomFeeds.FeedLease Lease { get; } = lease;

        public HashSet<ChatConnection> Watchers { get; } = [];

        public HashSet<UserId> Members { get; } = [];

        /// <summary>Members who left since the room was opened and did not come back.</summary>
        public HashSet<UserId> Left { get; } = [];
    }
}
