using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Postgres;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;
using Monstera.Tests.Clients;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A real standby that lags, dies, is promoted, or is the wrong one: history is right all the while.</summary>
public sealed class PostgresReplicaTests
{
    private static readonly ReplicaPatience Long = new() { Beyond = Signal.Patience };

    [Fact]
    public async Task A_standby_that_stands_still_hides_nothing_and_serves_again_when_it_goes_on()
    {
        using PostgresPair pair = new();
        using ReplicatedStorage storage = new(pair);
        IRoomStore rooms = storage.Rooms;
        await rooms.Do(Create(Room(1), Bob));
        long edited = (await rooms.Do(Send(Room(1), "first"))).Seq;
        long erased = (await rooms.Do(Send(Room(1), "secret"))).Seq;
        await pair.CaughtUp(Cancel);
        Assert.Equal(["first", "secret"], await Texts(rooms, Ann));
        Assert.Equal(1, storage.Reads.Of(HistorySource.Replica));

        pair.PauseReplay();
        Assert.Equal(["first", "secret"], await Texts(rooms, Bob));
        Assert.Equal(2, storage.Reads.Of(HistorySource.Replica));
        await rooms.Do(new EditMessage(edited, "second") { Tenant = Tenant, Room = Room(1), Sender = Ann });
        Assert.Equal(["second", "secret"], await Texts(rooms, Bob));
        await rooms.Do(new DeleteMessage(erased) { Tenant = Tenant, Room = Room(1), Sender = Ann });
        Assert.Equal(["second", null], await Texts(rooms, Bob));
        await rooms.Do(Send(Room(1), "third"));
        Assert.Equal(["second", null, "third"], await Texts(rooms, Bob));
        await rooms.Do(new RemoveMember(Bob) { Tenant = Tenant, Room = Room(1), Sender = Ann });
        Assert.Null(await Texts(rooms, Bob));
        Assert.Equal((2, 4), (storage.Reads.Of(HistorySource.Replica), storage.Reads.Of(HistorySource.Behind)));

        // A room that the standby has never heard of.
        await rooms.Do(Create(Room(2)));
        Assert.Empty((await Texts(rooms, Ann, room: 2))!);
        Assert.Equal(1, storage.Reads.Of(HistorySource.Unknown));

        pair.ResumeReplay();
        await pair.CaughtUp(Cancel);
        Assert.Equal(["second", null, "third"], await Texts(rooms, Ann));
        Assert.Equal(3, storage.Reads.Of(HistorySource.Replica));
        Assert.Null(await Texts(rooms, Bob));
        Assert.Empty((await Texts(rooms, Ann, room: 2))!);
        Assert.Equal(4, storage.Reads.Of(HistorySource.Replica));
    }

    [Fact]
    public async Task Lag_grows_while_a_standby_stands_still()
    {
        using PostgresPair pair = new();
        FakeTime time = new();
        using ReplicatedStorage storage = new(pair, time, Long);
        await storage.Rooms.Do(Create(Room(1)));
        await pair.CaughtUp(Cancel);
        Assert.Equal(default, await storage.Replica.MeasureLag(Cancel));

        // Idle for an hour is no lag, and one commit after it is not an hour's.
        time.Advance(TimeSpan.FromHours(1));
        pair.PauseReplay();
        Assert.Equal(TimeSpan.Zero, (await storage.Replica.MeasureLag(Cancel)).Time);
        await storage.Rooms.Do(Send(Room(1), "a"));
        time.Advance(TimeSpan.FromSeconds(3));
        ReplicationLag first = await storage.Replica.MeasureLag(Cancel);
        Assert.True(first.Bytes > 0);
        Assert.InRange(first.Time, TimeSpan.FromTicks(1), TimeSpan.FromSeconds(3));
        await storage.Rooms.Do(Send(Room(1), "b"));
        ReplicationLag second = await storage.Replica.MeasureLag(Cancel);
        Assert.True(second.Bytes > first.Bytes);
        Assert.True(second.Time >= first.Time);

        pair.ResumeReplay();
        await pair.CaughtUp(Cancel);
        Assert.Equal(0, (await storage.Replica.MeasureLag(Cancel)).Bytes);
    }

    /// <summary>The clock stands still, so that a lag can only come from what the primary measures.</summary>
    [Fact]
    public async Task Lag_is_what_the_primary_measures_where_that_may_be_read()
    {
        using PostgresPair pair = new();
        using ReplicatedStorage storage = new(pair, new FakeTime(), Long);
        PostgresServer.Execute(pair.Primary.SuperuserConnection("postgres"), $"GRANT pg_monitor TO {PostgresServer.App}");
        await storage.Rooms.Do(Create(Room(1)));
        await pair.CaughtUp(Cancel);
        Assert.Equal(default, await storage.Replica.MeasureLag(Cancel));
        pair.PauseReplay();
        ReplicationLag lag;
        do
        {
            Cancel.ThrowIfCancellationRequested();
            await storage.Rooms.Do(Send(Room(1), "a"));
            lag = await storage.Replica.MeasureLag(Cancel);
        }
        while (lag.Time == TimeSpan.Zero);
        Assert.True(lag.Bytes > 0);
    }

    [Fact]
    public async Task A_standby_that_is_killed_costs_nothing_but_speed_and_serves_again_when_it_is_back()
    {
        using PostgresPair pair = new();
        FakeTime time = new();
        using ReplicatedStorage storage = new(pair, time, Long);
        await storage.Rooms.Do(Create(Room(1)));
        await pair.CaughtUp(Cancel);
        Assert.Equal([], await Texts(storage.Rooms, Ann));
        Assert.Equal(1, storage.Reads.Of(HistorySource.Replica));

        pair.KillReplica();
        await storage.Rooms.Do(Send(Room(1), "a"));
        Assert.Equal(["a"], await Texts(storage.Rooms, Ann));
        Assert.Equal(["a"], await Texts(storage.Rooms, Ann));
        Assert.Equal((1, 1), (storage.Reads.Of(HistorySource.Failed), storage.Reads.Of(HistorySource.Resting)));
        await Assert.ThrowsAsync<StorageUnavailableException>(async () => await storage.Replica.MeasureLag(Cancel));

        pair.Replica.Restart();
        await pair.CaughtUp(Cancel);
        time.Advance(Long.Rest);
        Assert.Equal(["a"], await Texts(storage.Rooms, Ann));
        Assert.Equal(2, storage.Reads.Of(HistorySource.Replica));
        Assert.Equal(0, (await storage.Replica.MeasureLag(Cancel)).Bytes);
    }

    /// <summary>It keeps the connections that it has, and its log goes its own way from there.</summary>
    [Fact]
    public async Task A_standby_that_is_promoted_is_not_believed_any_more()
    {
        using PostgresPair pair = new();
        using ReplicatedStorage storage = new(pair, new FakeTime(), Long);
        await storage.Rooms.Do(Create(Room(1)));
        await pair.CaughtUp(Cancel);
        Assert.Equal([], await Texts(storage.Rooms, Ann));
        pair.Promote();

        // The same seq on both sides, and different messages.
        using var other = PostgresDatabase.Open(new PostgresOptions { ConnectionString = pair.Replica.AppConnection(storage.Name) }, PostgresParts.Rooms);
        await new PostgresRoomStore(other).Do(Send(Room(1), "theirs"));
        await storage.Rooms.Do(Send(Room(1), "ours"));
        Assert.Equal(["ours"], await Texts(storage.Rooms, Ann));
        Assert.Equal((1, 1), (storage.Reads.Of(HistorySource.Replica), storage.Reads.Of(HistorySource.Failed)));
        Assert.Contains(
            "no standby", (await Assert.ThrowsAsync<StorageUnavailableException>(async () => await storage.Replica.MeasureLag(Cancel))).Message, StringComparison.Ordinal);
    }

    /// <summary>Connection strings that were swapped: the standby of another database of the same primary, the primary itself, a database that has nothing to do with it.</summary>
    [Theory]
    [InlineData("other")]
    [InlineData("primary")]
    [InlineData("stranger")]
    public async Task A_replica_of_something_else_is_not_read(string which)
    {
        PostgresPair pair = PostgresPair.Shared;
        string ours = PostgresStorage.CreateDatabase(pair.Primary);
        string other = PostgresStorage.CreateDatabase(which == "stranger" ? PostgresServer.Shared : pair.Primary);
        string replicaString = which switch
        {
            "other" => pair.Replica.AppConnection(other),
            "primary" => pair.Primary.AppConnection(ours),
            _ => PostgresServer.Shared.AppConnection(other),
        };
        foreach ((PostgresServer server, string name) in new[] { (pair.Primary, ours), (which == "stranger" ? PostgresServer.Shared : pair.Primary, other) })
        {
            using var database = PostgresDatabase.Open(new PostgresOptions { ConnectionString = server.AppConnection(name) }, PostgresParts.Rooms);
            await new PostgresRoomStore(database).Do(Create(Room(1)));
        }

        await pair.CaughtUp(Cancel);
        using (var primary = PostgresDatabase.Open(new PostgresOptions { ConnectionString = pair.Primary.AppConnection(ours) }, PostgresParts.Rooms))
        using (PostgresReplica replica = new(new PostgresOptions { ConnectionString = replicaString }, primary, TimeProvider.System))
        {
            await Assert.ThrowsAsync<StorageUnavailableException>(async () => await replica.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 10, Cancel));
            await Assert.ThrowsAsync<StorageUnavailableException>(async () => await replica.MeasureLag(Cancel));
        }

        pair.Primary.DropDatabase(ours);
        (which == "stranger" ? PostgresServer.Shared : pair.Primary).DropDatabase(other);
    }

    [Fact]
    public async Task A_replica_of_another_schema_version_is_refused_until_it_has_followed()
    {
        PostgresPair pair = PostgresPair.Shared;
        string name = PostgresStorage.CreateDatabase(pair.Primary);
        using (var primary = PostgresDatabase.Open(new PostgresOptions { ConnectionString = pair.Primary.AppConnection(name) }, PostgresParts.Rooms))
        using (PostgresReplica replica = new(new PostgresOptions { ConnectionString = pair.Replica.AppConnection(name) }, primary, TimeProvider.System))
        {
            await new PostgresRoomStore(primary).Do(Create(Room(1)));
            PostgresServer.Execute(pair.Primary.OwnerConnection(name), "UPDATE rooms.schema_migration SET version = version + 1000 WHERE version = 1");
            await pair.CaughtUp(Cancel);
            await Assert.ThrowsAsync<StorageRefusedException>(async () => await replica.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 10, Cancel));
            PostgresServer.Execute(pair.Primary.OwnerConnection(name), "UPDATE rooms.schema_migration SET version = 1 WHERE version = 1001");
            await pair.CaughtUp(Cancel);
            Assert.NotNull(await replica.ReadTimeline(Tenant, Room(1), Ann, new TimelineQuery.Newest(), 10, Cancel));
        }

        pair.Primary.DropDatabase(name);
    }

    private static async Task<IEnumerable<string?>?> Texts(IRoomStore rooms, UserId reader, int room = 1) =>
        (await rooms.ReadTimeline(Tenant, Room(room), reader, new TimelineQuery.Newest(), 50, Cancel))?
            .Items.Where(item => item.Event.Type == EventType.MessageCreated).Select(item => item.Event.Text);
}
