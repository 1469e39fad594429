using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Postgres;
using Monstera.Tests.Data.Postgres.Slots;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Commands;

/// <summary>The commands as they are run, on real databases; also killed in the middle.</summary>
public sealed class ShardsCommandTests : IAsyncLifetime
{
    private const int FirstGroupEnds = 256;
    private const string Moved = "0-299";

    private readonly List<string> _names = [];
    private SlotWorld _world = null!;

    public async ValueTask InitializeAsync() => _world = await SlotWorld.Create();

    public async ValueTask DisposeAsync()
    {
        await _world.DisposeAsync();
        _names.ForEach(PostgresServer.Shared.DropDatabase);
    }

    [Fact]
    public async Task A_shard_is_added_gets_its_share_is_checked_emptied_and_taken_out_of_use()
    {
        _names.Add(PostgresServer.Shared.CreateEmptyDatabase());
        await _world.Writer.Furnish(Room(1));
        Assert.Equal(0, await Run("add", "2", "--name", "third"));
        Assert.Equal(0, await Run("add", "2"));
        Assert.Equal(0, await Run("rebalance", "--dry-run"));
        Assert.Equal(new[] { 4_096, 0, 0 }, await Shares());
        Assert.Equal(0, await Run("rebalance", "--soak", "0"));
        Assert.Equal(new[] { 1_366, 1_365, 1_365 }, await Shares());
        Assert.Equal(0, await Run("verify"));
        Assert.Equal(0, await Run("drain", "2"));
        Assert.Equal(3, await Run("move-slots", "--from", "0", "--to", "2", "--count", "1"));
        Assert.Equal(0, await Run("rebalance", "--soak", "0"));
        Assert.Equal(new[] { 2_048, 2_048, 0 }, await Shares());
        Assert.Equal(0, await Run("drain", "2"));
        Assert.Equal(ShardState.Gone, (await _world.Map.ReadShards(Cancel))[2].State);
        await _world.IsWell();
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[1]), "UPDATE rooms.slot_owner SET epoch = 77 WHERE slot = (SELECT min(slot) FROM rooms.slot_owner)");
        Assert.Equal(1, await Run("verify"));
    }

    /// <summary>A shard with something on its outbox is not gone: the directory would never learn of it.</summary>
    [Fact]
    public async Task A_shard_is_not_gone_before_its_outbox_is_empty()
    {
        await _world.Writer.Furnish(Room(1));
        Assert.Equal(0, await Run("drain", "0"));
        Assert.Equal(0, await Run("rebalance", "--soak", "0"));
        Assert.Equal(0, await Run("drain", "0"));
        Assert.Equal(ShardState.Draining, (await _world.Map.ReadShards(Cancel))[0].State);
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[0]), "DELETE FROM rooms.membership_outbox");
        Assert.Equal(0, await Run("drain", "0"));
        Assert.Equal(ShardState.Gone, (await _world.Map.ReadShards(Cancel))[0].State);
        Assert.Equal(3, await Run("drain", "1"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Killed_in_the_middle_of_copying_a_move_is_resumed_or_reverted(bool revert)
    {
        RoomId[] rooms = [.. Enumerable.Range(0, 4).Select(i => RoomIn(i * 64, (i + 1) * 64)), RoomIn(FirstGroupEnds, 300), RoomIn(400, 4_096)];
        foreach (RoomId room in rooms)
        {
            await _world.Writer.Furnish(room);
        }

        _world.Writer.Start(rooms);

        // The second group of slots cannot be written in the destination: the command stands there until it is killed.
        await using NpgsqlConnection bar = await Open(PostgresServer.Shared.SuperuserConnection(_world.Names[1]));
        await bar.Execute($"SELECT pg_advisory_lock({PostgresLocks.Slot}, {Slot.Of(rooms[4])})");
        using (CommandProcess doomed = Start("move-slots", "--from", "0", "--to", "1", "--slots", Moved, "--soak", "1s"))
        {
            Task gone = doomed.Ends(exitCode: 137);
            await bar.UntilSomebodyWaits(gone);

            // One at a time.
            Assert.Equal(3, await Run("rebalance"));
            await doomed.Kill9();
            await gone;
            Assert.True(await _world.RoomsIn(1) == 4, doomed.Output + doomed.Error);
        }

        await bar.Execute($"SELECT pg_advisory_unlock({PostgresLocks.Slot}, {Slot.Of(rooms[4])})");
        await _world.Writer.More(50);
        SlotMove move = Assert.Single(await _world.Moves.ReadOpen(Cancel));
        Assert.Equal(SlotMoveStep.Copying, move.Step);
        using (CommandProcess next = Start("move-slots", revert ? "--revert" : "--resume", move.Id.ToString()))
        {
            string all = await next.Ends(exitCode: 0);
            Assert.Contains(revert ? "Reverted" : "Done", next.Output, StringComparison.Ordinal);
            Assert.DoesNotContain(ShardsCommandLine.Password, all, StringComparison.Ordinal);
            Assert.DoesNotContain('\u001b', all);
        }

        await _world.Writer.More(50);
        await _world.Writer.Stop();
        await _world.IsOnlyIn((short)(revert ? 0 : 1), move.Slots);
        await _world.IsWell();
        await _world.Writer.HoldsAll();
        Assert.True(_world.Writer.LongestWait < TimeSpan.FromSeconds(2.5), $"A writer was refused for {_world.Writer.LongestWait}.");
    }

    [Fact]
    public async Task Interrupted_it_stops_between_two_steps_and_says_how_to_go_on()
    {
        await _world.Writer.Furnish(RoomIn(0, 300));
        using CommandProcess command = Start("move-slots", "--from", "0", "--to", "1", "--slots", Moved, "--soak", "1h");
        Task<string> ended = command.Ends(exitCode: 1);
        await Signal.Poll(
            () => ended.IsCompleted || _world.Moves.ReadOpen(Cancel).GetAwaiter().GetResult() is [{ Step: SlotMoveStep.Soaking }], "the soak");
        await command.Interrupt();
        await ended;
        SlotMove move = Assert.Single(await _world.Moves.ReadOpen(Cancel));
        Assert.Contains($"move-slots --resume {move.Id}", command.Error, StringComparison.Ordinal);
        Assert.Contains($"move-slots --revert {move.Id}", command.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_list_shows_shards_moves_and_who_is_away_and_nothing_secret()
    {
        await _world.Writer.Furnish(Room(1));
        Assert.True(await _world.Map.TryAddShard(new Shard(5, "lost", ShardState.Active), Cancel));
        SlotMove move = (await _world.Moves.TryBegin([7, 8, 9], 0, 1, TimeSpan.Zero, Now, Cancel))!;
        using CommandProcess text = Start("list");
        using CommandProcess json = Start("list", "--json");
        string output = await text.Ends(exitCode: 0);
        Assert.Contains("0\tmain\tactive\t4,096\t1\t4\tyes\tnone", output, StringComparison.Ordinal);
        Assert.Contains("5\tlost\tactive\t0\t?\t?\tno", output, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings:Shards:5 is missing", output, StringComparison.Ordinal);
        Assert.Contains($"Move {move.Id} of 3 slots", output, StringComparison.Ordinal);
        await json.Ends(exitCode: 0);
        string document = json.Output;
        JsonElement root = JsonDocument.Parse(document).RootElement;
        Assert.Equal(3, root.GetProperty("shards").GetArrayLength());
        Assert.Equal(4_096, root.GetProperty("shards")[0].GetProperty("slots").GetInt32());
        Assert.Equal("7-9", root.GetProperty("moves")[0].GetProperty("slots").GetString());
        Assert.DoesNotContain(ShardsCommandLine.Password, output + document, StringComparison.Ordinal);
    }

    /// <summary>A database of another installation, or with rooms of unknown origin, or that is another shard: none of them is taken.</summary>
    [Fact]
    public async Task A_database_that_is_somebody_elses_is_not_added()
    {
        string name = PostgresStorage.CreateDatabase(PostgresServer.Shared);
        _names.Add(name);
        PostgresOptions options = new() { ConnectionString = PostgresServer.Shared.AppConnection(name), OwnerConnectionString = PostgresServer.Shared.OwnerConnection(name) };
        PostgresDatabase.Open(options, PostgresParts.Rooms, new ShardIdentity(2, Id(77))).Dispose();
        Assert.Equal(3, await Run("add", "2"));
        Assert.Equal(2, (await _world.Map.ReadShards(Cancel)).Count);

        // Swapped strings of shards that are registered.
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[1]), $"UPDATE rooms.shard SET installation = '{Id(78)}'");
        Assert.Equal(3, await Run("move-slots", "--from", "0", "--to", "1", "--slots", "5"));
        Assert.Empty(await _world.Moves.ReadOpen(Cancel));
    }

    [Fact]
    public async Task A_database_with_slots_of_its_own_is_not_added_and_nothing_moves_while_servers_may_not_start()
    {
        string name = PostgresStorage.CreateDatabase(PostgresServer.Shared);
        _names.Add(name);
        PostgresOptions options = new() { ConnectionString = PostgresServer.Shared.AppConnection(name), OwnerConnectionString = PostgresServer.Shared.OwnerConnection(name) };
        PostgresDatabase.Open(options, PostgresParts.Rooms, new ShardIdentity(2, PostgresInstallation.Read(_world.Directory).Id)).Dispose();
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(name), "DELETE FROM rooms.slot_owner", "INSERT INTO rooms.slot_owner (slot, epoch, state) VALUES (5, 1, 1)");
        Assert.Equal(3, await Run("add", "2"));
        Assert.Equal(2, (await _world.Map.ReadShards(Cancel)).Count);
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(name), "DELETE FROM rooms.slot_owner");

        // As a copy leaves it that is not finished.
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[0]), "UPDATE directory.installation SET state = 2");
        Assert.Equal(3, await Run("add", "2"));
        Assert.Equal(3, await Run("rebalance"));
        Assert.Equal(3, await Run("move-slots", "--from", "0", "--to", "1", "--slots", "5"));
        Assert.Equal(1, (await _world.Map.Read(Cancel)).Version);
        PostgresServer.Execute(PostgresServer.Shared.SuperuserConnection(_world.Names[0]), "UPDATE directory.installation SET state = 1");
        Assert.Equal(0, await Run("add", "2"));
    }

    private static RoomId RoomIn(int first, int end) =>
        Enumerable.Range(1, 1_000_000).Select(n => new RoomId(new Guid(n, 2, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 1))).First(room => Slot.Of(room) >= first && Slot.Of(room) < end);

    private Task<int> Run(params string[] arguments) => ShardsCommandLine.Run([.. _world.Names, .. _names], arguments);

    private CommandProcess Start(params string[] arguments) => ShardsCommandLine.Start([.. _world.Names, .. _names], arguments);

    private async Task<int[]> Shares() => [.. (await _world.Map.Read(Cancel)).Slots.GroupBy(owner => owner.Shard).ToDictionary(own => own.Key, own => own.Count()) is var counts
        ? Enumerable.Range(0, 3).Select(shard => counts.GetValueOrDefault((short)shard)) : []];
}
