using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Presence;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Server.Realtime;

/// <summary>
/// Which connections look at which rooms: only they get the signals of a room (typing, and who of its members comes and goes). The members of open rooms are kept here, so
/// that somebody who comes online costs no reading.
/// </summary>
public sealed class OpenRooms
{
    public const int PerConnectionMax = 20;

    /// <summary>Presence is shown for so many members of a room, in order of their ids.</summary>
    private const int MembersMax = 1_000;

    private readonly IRoomStore _store;
    private readonly IPresence _presence;
    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, OpenRoom> _rooms = [];
    private readonly Dictionary<UserId, HashSet<OpenRoom>> _ofMember = [];
    private readonly Dictionary<ChatConnection, HashSet<RoomId>> _ofConnection = [];

    public OpenRooms(IRoomStore store, IPresence presence, RoomWriter writer)
    {
        ArgumentNullException.ThrowIfNull(presence);
        ArgumentNullException.ThrowIfNull(writer);
        _store = store;
        _presence = presence;
        presence.Changed += Tell;
        writer.Committed += Follow;
    }

    /// <summary>The connection looks at the room.</summary>
    /// <returns>The members who are online.</returns>
    public async Task<Result<OpenReply>> Open(ChatConnection connection, RoomId room, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(connection);
        lock (_gate)
        {
            if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open) && open.Count >= PerConnectionMax && !open.Contains(room))
            {
                return Error.Invalid($"room: at most {PerConnectionMax} rooms are open on a connection; close one.");
            }

            // Before the members are read, so that whoever joins or leaves meanwhile is not missed.
            Watch(connection, room);
        }

        HashSet<UserId>? members;
        try
        {
            members = await ReadMembers(connection, room, cancel);
        }
        catch
        {
            lock (_gate)
            {
                Unwatch(connection, room);
            }

            throw;
        }

        lock (_gate)
        {
            if (members is null || !_rooms.TryGetValue(room, out OpenRoom? open))
            {
                Unwatch(connection, room);
                return Error.NotFound("room");
            }

            foreach (UserId member in members)
            {
                AddMember(open, member);
            }
        }

        return new OpenReply(_presence.Online(connection.Caller.Tenant, members));
    }

    public EmptyReply Close(ChatConnection connection, RoomId room)
    {
        lock (_gate)
        {
            Unwatch(connection, room);
        }

        return new EmptyReply();
    }

    /// <summary>Somebody types: those who look at the room are told.</summary>
    public Result<EmptyReply> Type(ChatConnection connection, RoomId room)
    {
        ArgumentNullException.ThrowIfNull(connection);

        // A subscription ends with the membership, so it is proof enough for a signal.
        if (!connection.IsSubscribed(room))
        {
            return Error.NotFound("room among those you resumed");
        }

        Signal(room, connection.Caller.User, SignalFrames.Typing(room, connection.Caller.User));
        return new EmptyReply();
    }

    /// <summary>The connection is gone.</summary>
    public void CloseAll(ChatConnection connection)
    {
        lock (_gate)
        {
            if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? rooms))
            {
                foreach (RoomId room in rooms.ToArray())
                {
                    Unwatch(connection, room);
                }
            }
        }
    }

    /// <summary>Tells all who look at the room but the user's own connections.</summary>
    public void Signal(RoomId room, UserId from, ReadOnlyMemory<byte> signal)
    {
        ChatConnection[] watchers;
        lock (_gate)
        {
            if (!_rooms.TryGetValue(room, out OpenRoom? open))
            {
                return;
            }

            watchers = [.. open.Watchers.Where(watcher => watcher.Caller.User != from)];
        }

        foreach (ChatConnection watcher in watchers)
        {
            watcher.TrySignal(signal);
        }
    }

    private async Task<HashSet<UserId>?> ReadMembers(ChatConnection connection, RoomId room, CancellationToken cancel)
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

    private void Tell(PresenceChange change)
    {
        HashSet<ChatConnection> watchers = [];
        lock (_gate)
        {
            if (_ofMember.TryGetValue(change.User, out HashSet<OpenRoom>? rooms))
            {
                foreach (OpenRoom room in rooms)
                {
                    watchers.UnionWith(room.Watchers);
                }
            }
        }

        if (watchers.Count == 0)
        {
            return;
        }

        ReadOnlyMemory<byte> signal = SignalFrames.Presence(change.User, change.Online);
        foreach (ChatConnection watcher in watchers)
        {
            if (watcher.Caller.User != change.User)
            {
                watcher.TrySignal(signal);
            }
        }
    }

    private void Follow(CommittedBatch batch)
    {
        foreach (CommittedEvents committed in batch.Rooms)
        {
            Follow(committed);
        }
    }

    private void Follow(CommittedEvents committed)
    {
        foreach (RoomEvent e in committed.Events)
        {
            if (e.Type is not (EventType.MemberJoined or EventType.MemberLeft))
            {
                continue;
            }

            lock (_gate)
            {
                if (!_rooms.TryGetValue(committed.Room, out OpenRoom? open))
                {
                    continue;
                }

                if (e.Type == EventType.MemberJoined)
                {
                    AddMember(open, e.User!.Value);
                }
                else
                {
                    RemoveMember(open, e.User!.Value);
                    foreach (ChatConnection watcher in open.Watchers.Where(watcher => watcher.Caller.User == e.User).ToArray())
                    {
                        Unwatch(watcher, open.Id);
                    }
                }
            }
        }
    }

    private void Watch(ChatConnection connection, RoomId id)
    {
        if (!_rooms.TryGetValue(id, out OpenRoom? room))
        {
            _rooms.Add(id, room = new OpenRoom(id));
        }

        room.Watchers.Add(connection);
        if (!_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open))
        {
            _ofConnection.Add(connection, open = []);
        }

        open.Add(id);
    }

    private void Unwatch(ChatConnection connection, RoomId id)
    {
        if (_ofConnection.TryGetValue(connection, out HashSet<RoomId>? open) && open.Remove(id) && open.Count == 0)
        {
            _ofConnection.Remove(connection);
        }

        if (_rooms.TryGetValue(id, out OpenRoom? room) && room.Watchers.Remove(connection) && room.Watchers.Count == 0)
        {
            _rooms.Remove(id);
            foreach (UserId member in room.Members.ToArray())
            {
                RemoveMember(room, member);
            }
        }
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

    private sealed class OpenRoom(RoomId id)
    {
        public RoomId Id { get; } = id;

        public HashSet<ChatConnection> Watchers { get; } = [];

        public HashSet<UserId> Members { get; } = [];
    }
}
