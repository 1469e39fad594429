using Monstera.Data.Postgres.Slots;
using Monstera.Data.Rooms;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres.Slots;

public sealed class ShardsVerifierTests
{
    [Fact]
    public async Task Whatever_is_wrong_is_found_and_said()
    {
        await using SlotWorld world = await SlotWorld.Create();
        await world.Writer.Furnish(Room(1));
        await world.Writer.Furnish(Room(2));
        await world.IsWell();
        short slot = Slot.Of(Room(1));
        string room = $"room_key = (SELECT room_key FROM rooms.room WHERE id = '{Room(1)}')";
        await Finds("owned by 2 shards at once", 1, $"INSERT INTO rooms.slot_owner VALUES ({slot}, 1, 1)", "DELETE FROM rooms.slot_owner");
        await Finds("which is later", 1, $"INSERT INTO rooms.slot_owner VALUES ({slot}, 2, 2)", $"UPDATE rooms.slot_owner SET epoch = 1 WHERE slot = {slot}");
        await Finds("owned by no shard", 0, "UPDATE rooms.slot_owner SET state = 2 WHERE slot = 9", "UPDATE rooms.slot_owner SET state = 1");
        await Finds("but the map says shard 0 at epoch 1", 0, "UPDATE rooms.slot_owner SET epoch = 2 WHERE slot = 9", "UPDATE rooms.slot_owner SET epoch = 1");
        await Finds("its row says", 0, $"UPDATE rooms.room SET slot = (slot + 1) % 4096 WHERE id = '{Room(1)}'", $"UPDATE rooms.room SET slot = {slot} WHERE id = '{Room(1)}'");
        await Finds(
            "is not owned here", 0, $"DELETE FROM rooms.slot_owner WHERE slot = {slot}", $"INSERT INTO rooms.slot_owner VALUES ({slot}, 1, 1)");
        await Finds("does not agree with the log", 0, $"UPDATE rooms.member SET role = 2 WHERE {room} AND role = 3", $"UPDATE rooms.member SET role = 3 WHERE {room} AND user_id = '{Ann}'");
        await Finds("does not agree with the log", 0, $"UPDATE rooms.reaction_emoji SET users = 9 WHERE {room}", $"UPDATE rooms.reaction_emoji SET users = 2 WHERE {room}");
        await Finds("does not agree with the log", 0, $"UPDATE rooms.message_state SET pinned = NOT pinned WHERE {room}", $"UPDATE rooms.message_state SET pinned = NOT pinned WHERE {room}");
        await Finds("does not agree with the log", 0, $"UPDATE rooms.room SET members = 7 WHERE {room}", $"UPDATE rooms.room SET members = 2 WHERE {room}");
        await Finds("the log has a gap", 0, $"UPDATE rooms.event SET seq = 999 WHERE {room} AND seq = 5", $"UPDATE rooms.event SET seq = 5 WHERE {room} AND seq = 999");
        world.Shards.Remove(1);
        Assert.Contains("could not be asked", Assert.Single((await new ShardsVerifier(world.Directory, world.Shards).Verify(null, Cancel)).Problems), StringComparison.Ordinal);

        async Task Finds(string problem, short shard, string harm, string mend)
        {
            PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(world.Names[shard]), harm);
            IReadOnlyList<string> problems = (await new ShardsVerifier(world.Directory, world.Shards).Verify(null, Cancel)).Problems;
            Assert.Contains(problems, found => found.Contains(problem, StringComparison.Ordinal));
            PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(world.Names[shard]), mend);
            await world.IsWell();
        }
    }
}
