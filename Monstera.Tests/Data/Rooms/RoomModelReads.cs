using System.Text;
using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

/// <summary>Asks a store and the model the same questions, aimed by <paramref name="probe"/>.</summary>
internal sealed class RoomModelReads(IRoomStore store, RoomStoreModel model, int probe)
{
    private readonly Random _random = new(probe);

    public void CompareAll()
    {
        foreach (RoomId id in RoomSteps.Rooms)
        {
            foreach (TenantId tenant in RoomSteps.Tenants)
            {
                CompareLog(tenant, id, model.Find(tenant, id));
            }
        }

        UserId user = Pick(RoomSteps.Users);
        TenantId of = Pick(RoomSteps.Tenants);
        RoomId one = Pick(RoomSteps.Rooms);
        RoomLog? room = model.Find(of, one);
        bool member = room?.RoleOf(user) is not null;
        CompareTimeline(of, one, user, member ? room : null);
        CompareItems(of, one, user, member ? room : null);
        CompareMembers(of, one, user, room, member);
        CompareLists(of, user);
    }

    private void CompareLog(TenantId tenant, RoomId id, RoomLog? room)
    {
        long after = _random.Next(-1, (room?.Events.Count ?? 0) + 3);
        (int eventsMax, int bytesMax) = _random.Next(2) == 0 ? (1000, int.MaxValue) : (_random.Next(1, 9), _random.Next(0, 1500));
        LogPage? page = Wait(store.ReadAfter(tenant, id, null, after, eventsMax, bytesMax, default));
        Assert.Equal(room is null, page is null);
        if (room is null)
        {
            return;
        }

        List<RoomEvent> expected = [];
        long bytes = 0;
        foreach (RoomEvent e in room.Events.Where(e => e.Seq > after).Take(eventsMax))
        {
            bytes += 128 + new[] { e.Text, e.Emoji, e.Name, e.Topic }.Sum(t => Encoding.UTF8.GetByteCount(t ?? ""));
            if (bytes > bytesMax && expected.Count > 0)
            {
                break;
            }

            expected.Add(e);
        }

        Assert.Equal(expected, page!.Events);
        Assert.Equal((1, room.Events.Count), (page.Epoch, page.Head));
    }

    private void CompareTimeline(TenantId tenant, RoomId id, UserId user, RoomLog? room)
    {
        int limit = _random.Next(1, 12);
        long seq = _random.Next(-1, (room?.Events.Count ?? 0) + 4);
        int which = _random.Next(4);
        TimelineQuery query = which switch
        {
            0 => new TimelineQuery.Newest(),
            1 => new TimelineQuery.Before(seq),
            2 => new TimelineQuery.After(seq),
            _ => new TimelineQuery.Around(seq),
        };
        TimelinePage? page = Wait(store.ReadTimeline(tenant, id, user, query, limit, default));
        Assert.Equal(room is null, page is null);
        if (room is null)
        {
            return;
        }

        // Where the page is divided: items below, and items from there on.
        long head = room.Events.Count;
        long from = Math.Clamp(which switch { 0 => head + 1, 2 => seq + 1, _ => seq }, 1, head + 1);
        int below = which switch { 2 => 0, 3 => limit / 2, _ => limit };
        TimelineItem[] all = [.. room.Timeline()];
        TimelineItem[] older = [.. all.Where(i => i.Event.Seq < from).TakeLast(below)];
        TimelineItem[] newer = [.. all.Where(i => i.Event.Seq >= from).Take(which < 2 ? 0 : limit - older.Length)];
        TimelineItem[] expected = [.. older, .. newer];
        Assert.Equal(expected.Length, page!.Items.Count);
        for (int i = 0; i < expected.Length; i++)
        {
            AssertSame(expected[i], page.Items[i]);
        }

        long? before = below == 0 ? from : older.Length == below ? older[0].Event.Seq : null;
        long? after = which < 2 ? from - 1 : newer.Length == limit - older.Length && newer.Length > 0 ? newer[^1].Event.Seq : head;
        Assert.Equal((1, head, before == 1 ? null : before, after == head ? null : after), (page.Epoch, page.Head, page.Before, page.After));
    }

    private void CompareItems(TenantId tenant, RoomId id, UserId user, RoomLog? room)
    {
        long seq = _random.Next(0, (room?.Events.Count ?? 0) + 2);
        TimelineItem? item = Wait(store.FindMessage(tenant, id, user, seq, default));
        RoomEvent? message = room?.Message(seq);
        Assert.Equal(message is null, item is null);
        if (message is not null)
        {
            AssertSame(room!.Item(message), item!);
        }

        IReadOnlyList<TimelineItem>? pins = Wait(store.ReadPins(tenant, id, user, default));
        IEnumerable<long>? expected = room?.Timeline().Where(i => i.Pinned)
            .OrderByDescending(i => room.Events.FindLast(e => e.Target == i.Event.Seq && e.Type == EventType.MessagePinned)!.Seq).Select(i => i.Event.Seq);
        Assert.Equal(expected, pins?.Select(p => p.Event.Seq));
    }

    private void CompareMembers(TenantId tenant, RoomId id, UserId user, RoomLog? room, bool member)
    {
        RoomMember? one = Wait(store.FindMember(tenant, id, user, default));
        Assert.Equal(room is null ? null : MemberOf(room, user), one);
        RoomStanding? standing = Wait(store.FindMembers(tenant, id, [user], default));
        Assert.Equal(room is null, standing is null);
        if (standing is not null)
        {
            Assert.Equal(((long)room!.Events.Count, one is not null), (standing.Head, standing.Members.Contains(user)));
        }

        Page<RoomMember>? page = Wait(store.ReadMembers(tenant, id, user, null, 100, default));
        Assert.Equal(member, page is not null);
        if (member)
        {
            Assert.Equal(room!.Members().Keys.OrderBy(u => u.ToString(), StringComparer.Ordinal).Select(u => MemberOf(room, u)!), page!.Items);
        }

        long seq = _random.Next(0, (room?.Events.Count ?? 0) + 2);
        Assert.Equal(member ? room!.Unread(user, seq) : null, Wait(store.CountUnread(tenant, id, user, seq, default)));
    }

    private void CompareLists(TenantId tenant, UserId user)
    {
        ReadMarker[] markers = [.. RoomSteps.Rooms.Select(r => new ReadMarker(r, _random.Next(0, 20)))];
        RoomSummary[] summaries = [.. Wait(store.Summarize(tenant, user, markers, default)).Items];
        (ReadMarker Marker, RoomLog Room)[] mine =
            [.. markers.Select(m => (m, model.Find(tenant, m.Room))).Where(x => x.Item2?.RoleOf(user) is not null).Select(x => (x.m, x.Item2!))];
        Assert.Equal(mine.Length, summaries.Length);
        for (int i = 0; i < mine.Length; i++)
        {
            (ReadMarker marker, RoomLog room) = mine[i];
            RoomEvent? last = room.Events.FindLast(e => e.Type == EventType.MessageCreated);
            UserId other = room.Members().Keys.FirstOrDefault(u => u != user, user);
            Assert.Equal(
                (InfoOf(marker.Room, room), MemberOf(room, user), marker.Seq, room.Unread(user, marker.Seq), room.Kind == RoomKind.Direct ? other : (UserId?)null),
                (summaries[i].Room, summaries[i].Member, summaries[i].ReadSeq, summaries[i].Unread, summaries[i].With));
            Assert.Equal(last?.Seq, summaries[i].Last?.Event.Seq);
            if (last is not null)
            {
                AssertSame(room.Item(last), summaries[i].Last!);
            }
        }

        Assert.Equal(
            model.Rooms.Where(r => r.Value.Tenant == tenant && r.Value.Kind == RoomKind.Public).Select(r => InfoOf(r.Key, r.Value))
                .OrderBy(i => FoldedText.Of(i.Name!), StringComparer.Ordinal).ThenBy(i => i.Id.ToString(), StringComparer.Ordinal)
                .Select(i => new PublicRoom(i.Id, i.Name!, i.Topic, i.Members, model.Rooms[i.Id].RoleOf(user) is not null)),
            Wait(store.ReadPublicRooms(tenant, user, null, null, 100, default)).Items);
        for (int i = 0; i < store.Partitions; i++)
        {
            Assert.Equal(
                model.Outbox.Where(c => store.PartitionOf(c.Room) == i).TakeLast(50),
                Wait(store.Outboxes[i].Read(int.MaxValue, default)).Select(c => (c.Tenant, c.User, c.Room, c.Seq, c.Member, c.At)).TakeLast(50));
        }

        Assert.Equal(
            RoomSteps.Rooms.Where(r => model.Find(tenant, r) is not null).Select(r => new RoomHead(r, 1, model.Rooms[r].Events.Count)),
            Wait(store.ReadHeads(tenant, RoomSteps.Rooms, default)).Items.OrderBy(h => Array.IndexOf(RoomSteps.Rooms, h.Room)));
    }

    private static RoomInfo InfoOf(RoomId id, RoomLog room)
    {
        string? topic = room.Events.FindLast(e => e.Topic is not null)?.Topic;
        return new RoomInfo(
            id, room.Kind, room.Events.FindLast(e => e.Name is not null)?.Name, topic == "" ? null : topic, 1, room.Events.Count, room.Members().Count, room.Events[0].At);
    }

    private static RoomMember? MemberOf(RoomLog room, UserId user) =>
        room.RoleOf(user) is { } role ? new RoomMember(user, role, room.JoinOf(user).Seq, room.JoinOf(user).At) : null;

    private static void AssertSame(TimelineItem expected, TimelineItem actual)
    {
        Assert.Equal(
            (expected.Event, expected.Rev, expected.EditedAt, expected.Pinned), (actual.Event, actual.Rev, actual.EditedAt, actual.Pinned));
        Assert.Equal(expected.Reactions.Select(r => (r.Emoji, r.Count)), actual.Reactions.Select(r => (r.Emoji, r.Count)));
        Assert.Equal(expected.Reactions.SelectMany(r => r.Users), actual.Reactions.SelectMany(r => r.Users));
    }

    private T Pick<T>(T[] all) => all[Math.Min(_random.Next(all.Length), _random.Next(all.Length))];

    private static T Wait<T>(ValueTask<T> task) => RoomStoreModelContract.Wait(task);
}
