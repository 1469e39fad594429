using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Rooms;

namespace Monstera.Tests.Data.Archive;

/// <summary>Asks two stores everything that <see cref="IRoomStore"/> answers about the rooms of <see cref="RoomSteps"/>, and holds one answer against the other.</summary>
internal sealed class StoreComparison(IRoomStore first, IRoomStore second, Random random)
{
    public void CompareAll()
    {
        foreach (TenantId tenant in RoomSteps.Tenants)
        {
            UserId user = Pick(RoomSteps.Users);
            foreach (RoomId room in RoomSteps.Rooms)
            {
                CompareRoom(tenant, room, user);
            }

            ReadMarker[] markers = [.. RoomSteps.Rooms.Select(room => new ReadMarker(room, random.Next(0, 20)))];
            Same(store => store.Summarize(tenant, user, markers, default));
            Same(store => store.ReadPublicRooms(tenant, user, null, null, 100, default));
            Same(store => store.ReadPublicRooms(tenant, user, "ＧEN", null, 1, default));
            Assert.Equal(
                Wait(first.ReadHeads(tenant, RoomSteps.Rooms, default)).Items.OrderBy(head => head.Room.Value), Wait(second.ReadHeads(tenant, RoomSteps.Rooms, default)).Items.OrderBy(head => head.Room.Value));
        }
    }

    /// <summary>Gives the drafts to both.</summary>
    public void Append(IReadOnlyList<Draft> drafts, DateTimeOffset at) => Same(store => store.Append(drafts, at, default));

    private void CompareRoom(TenantId tenant, RoomId room, UserId user)
    {
        Same(store => store.ReadAfter(tenant, room, null, 0, 100_000, int.MaxValue, default));
        long after = random.Next(0, 20);
        Same(store => store.ReadAfter(tenant, room, user, after, 5, 1_000, default));
        Same(store => store.FindRoom(tenant, room, default));
        Same(store => store.ReadMembers(tenant, room, user, null, 100, default));
        Same(store => store.ReadPins(tenant, room, user, default));
        foreach (UserId other in RoomSteps.Users)
        {
            Same(store => store.FindMember(tenant, room, other, default));
        }

        long seq = random.Next(1, 30);
        Same(store => store.FindMessage(tenant, room, user, seq, default));
        Same(store => store.CountUnread(tenant, room, user, seq, default));
        foreach (TimelineQuery query in (TimelineQuery[])[new TimelineQuery.Newest(), new TimelineQuery.Before(seq), new TimelineQuery.After(seq), new TimelineQuery.Around(seq)])
        {
            Same(store => store.ReadTimeline(tenant, room, user, query, 20, default));
        }
    }

    private void Same<T>(Func<IRoomStore, ValueTask<T>> ask) => Assert.Equal(JsonSerializer.Serialize(Wait(ask(first))), JsonSerializer.Serialize(Wait(ask(second))));

    private T Pick<T>(T[] all) => all[random.Next(all.Length)];

    private static T Wait<T>(ValueTask<T> task) => RoomStoreModelContract.Wait(task);
}
