using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A database knows which shard of which installation it is, and cannot be taken for another.</summary>
public sealed class ShardIdentityTests : IDisposable
{
    private static readonly Guid Installation = Id(500);
    private readonly string _name = PostgresStorage.CreateDatabase(PostgresServer.Shared);

    public void Dispose() => PostgresServer.Shared.DropDatabase(_name);

    [Fact]
    public async Task The_first_shard_keeps_its_slots_and_is_known_from_then_on()
    {
        Open(new ShardIdentity(0, Installation), asOwner: true).Dispose();
        Open(new ShardIdentity(0, Installation), asOwner: false).Dispose();
        Assert.Equal(4_096, await Slots());
        using PostgresDatabase database = Open(null, asOwner: false);
        Assert.Equal(new ShardIdentity(0, Installation), database.FindIdentity());
    }

    [Fact]
    public async Task A_fresh_further_shard_gives_up_its_slots_once()
    {
        Open(new ShardIdentity(3, Installation), asOwner: true).Dispose();
        Assert.Equal(0, await Slots());
        PostgresServer.Execute(PostgresServer.Shared.OwnerConnection(_name), "INSERT INTO rooms.slot_owner (slot, epoch, state) VALUES (7, 2, 1)");
        Open(new ShardIdentity(3, Installation), asOwner: true).Dispose();
        Assert.Equal(1, await Slots());
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Another_shard_or_installation_is_refused_by_name(bool asOwner)
    {
        Open(new ShardIdentity(2, Installation), asOwner: true).Dispose();
        foreach (ShardIdentity other in new[] { new ShardIdentity(0, Installation), new ShardIdentity(2, Id(501)) })
        {
            string message = Assert.Throws<StorageRefusedException>(() => Open(other, asOwner)).Message;
            Assert.Contains($"is shard 2 of installation {Installation}", message, StringComparison.Ordinal);
            Assert.Contains(other.ToString(), message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Without_an_identity_and_without_the_owner_the_advice_is_to_give_the_owner_once() =>
        Assert.Contains(
            "owner's connection string once", Assert.Throws<StorageRefusedException>(() => Open(new ShardIdentity(0, Installation), asOwner: false)).Message, StringComparison.Ordinal);

    [Fact]
    public async Task A_database_with_rooms_and_no_identity_becomes_the_first_shard_or_none()
    {
        using (PostgresDatabase database = Open(null, asOwner: false))
        {
            await new PostgresRoomStore(database).Do(Create(Room(1)));
        }

        Assert.Contains("only become shard 0", Assert.Throws<StorageRefusedException>(() => Open(new ShardIdentity(1, Installation), asOwner: true)).Message, StringComparison.Ordinal);
        Assert.Equal(4_096, await Slots());
        Open(new ShardIdentity(0, Installation), asOwner: true).Dispose();
    }

    [Fact]
    public async Task Of_many_that_open_a_fresh_database_at_once_one_identity_comes_out()
    {
        ShardIdentity[] wanted = [.. Enumerable.Range(0, 6).Select(i => new ShardIdentity((short)(1 + (i % 2)), Installation))];
        bool[] opened = await Task.WhenAll(wanted.Select(identity => Task.Run(
            () =>
            {
                try
                {
                    Open(identity, asOwner: true).Dispose();
                    return true;
                }
                catch (StorageRefusedException)
                {
                    return false;
                }
            },
            Cancel)));
        using PostgresDatabase database = Open(null, asOwner: false);
        Assert.Equal(wanted.Select(identity => identity == database.FindIdentity()), opened);
    }

    [Fact]
    public async Task The_owner_is_opened_for_commands_and_changes_nothing_by_opening()
    {
        string empty = PostgresServer.Shared.CreateEmptyDatabase();
        try
        {
            PostgresOptions options = new() { ConnectionString = PostgresServer.Shared.AppConnection(empty), OwnerConnectionString = PostgresServer.Shared.OwnerConnection(empty) };
            Assert.Throws<StorageRefusedException>(() => PostgresDatabase.OpenAsOwner(options, PostgresParts.Rooms | PostgresParts.Directory));
            await using NpgsqlConnection look = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(empty));
            Assert.Equal(0, await look.Scalar<long>("SELECT count(*) FROM pg_namespace WHERE nspname IN ('rooms', 'directory')"));
            using PostgresDatabase database = PostgresDatabase.OpenAsOwner(options, PostgresParts.Rooms | PostgresParts.Directory, migrate: true);
            Assert.Null(database.FindIdentity());
            Installation installation = PostgresInstallation.Read(database);
            Assert.Equal(InstallationState.Served, installation.State);
            Assert.NotEqual(Guid.Empty, installation.Id);
        }
        finally
        {
            PostgresServer.Shared.DropDatabase(empty);
        }
    }

    [Fact]
    public async Task One_operation_at_a_time_and_a_lost_connection_ends_it()
    {
        using PostgresDatabase first = PostgresDatabase.OpenAsOwner(Options(asOwner: true), PostgresParts.Directory);
        using PostgresDatabase second = PostgresDatabase.OpenAsOwner(Options(asOwner: true), PostgresParts.Directory);
        PostgresOperation operation = (await PostgresOperation.TryBegin(first, Cancel))!;
        Assert.Null(await PostgresOperation.TryBegin(second, Cancel));
        await operation.EnsureHeld(Cancel);
        await operation.DisposeAsync();
        await using PostgresOperation next = (await PostgresOperation.TryBegin(second, Cancel))!;
        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection(_name),
            "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND classid = 19800 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())");
        await Assert.ThrowsAsync<StorageUnavailableException>(() => next.EnsureHeld(Cancel));
        await Assert.ThrowsAsync<StorageUnavailableException>(() => next.EnsureHeld(Cancel));
    }

    private static PostgresDatabase OpenNamed(PostgresOptions options, ShardIdentity? identity) =>
        PostgresDatabase.Open(options, PostgresParts.Rooms | PostgresParts.Directory, identity);

    private PostgresDatabase Open(ShardIdentity? identity, bool asOwner) => OpenNamed(Options(asOwner), identity);

    private PostgresOptions Options(bool asOwner) => new()
    {
        ConnectionString = PostgresServer.Shared.AppConnection(_name),
        OwnerConnectionString = asOwner ? PostgresServer.Shared.OwnerConnection(_name) : null,
    };

    private async Task<long> Slots()
    {
        await using NpgsqlConnection owner = await PostgresDesk.Open(PostgresServer.Shared.OwnerConnection(_name));
        return await owner.Scalar<long>("SELECT count(*) FROM rooms.slot_owner");
    }
}
