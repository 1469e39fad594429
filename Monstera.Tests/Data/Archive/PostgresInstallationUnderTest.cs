using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Data.Archive;

/// <summary>Databases of an installation on the shared server: the directory's, and those of its shards. With one shard it is one database.</summary>
internal sealed class PostgresInstallationUnderTest : IDisposable
{
    private readonly List<string> _names;
    private readonly List<PostgresDatabase> _open = [];

    public PostgresInstallationUnderTest(int shards)
    {
        _names = [.. Enumerable.Range(0, shards == 1 ? 1 : shards + 1).Select(_ => PostgresServer.Shared.CreateEmptyDatabase())];
        Directory = Of(_names[0]);
        Shards = _names.Skip(shards == 1 ? 0 : 1).Select((name, shard) => (name, shard)).ToDictionary(one => (short)one.shard, one => Of(one.name));
    }

    /// <summary>Of the directory's database.</summary>
    public string Name => _names[0];

    public IReadOnlyList<string> ShardNames => _names.Count == 1 ? _names : [.. _names.Skip(1)];

    public PostgresOptions Directory { get; }

    public IReadOnlyDictionary<short, PostgresOptions> Shards { get; }

    /// <summary>The settings of a server or command on it.</summary>
    public (string, string)[] Settings =>
    [
        ("ConnectionStrings:Directory", Directory.ConnectionString), ("ConnectionStrings:Owners:Directory", Directory.OwnerConnectionString!),
        .. Shards.Select(shard => ($"ConnectionStrings:Shards:{shard.Key}", shard.Value.ConnectionString)),
        .. Shards.Select(shard => ($"ConnectionStrings:Owners:Shards:{shard.Key}", shard.Value.OwnerConnectionString!)),
    ];

    public Task<PostgresInstallationArchive> Open() => PostgresInstallationArchive.Open(Directory, Shards, migrate: true, TestContext.Current.CancellationToken);

    /// <summary>Gives each shard the slots whose number leaves its own as remainder.</summary>
    public async Task SpreadSlots()
    {
        await (await Open()).DisposeAsync();
        using PostgresDatabase owner = PostgresDatabase.OpenAsOwner(Directory, PostgresParts.Directory);
        foreach (short shard in Shards.Keys.Where(shard => shard > 0))
        {
            PostgresServer.Execute(
                Directory.OwnerConnectionString!,
                $"INSERT INTO directory.shard (id, name, state) VALUES ({shard}, 'shard {shard}', 1)",
                $"UPDATE directory.slot_map SET shard = {shard} WHERE slot % {Shards.Count} = {shard}");
            using PostgresDatabase rooms = PostgresDatabase.OpenAsOwner(Shards[shard], PostgresParts.Rooms, migrate: true);
            rooms.Identify(new ShardIdentity(shard, PostgresInstallation.Read(owner).Id));
            PostgresServer.Execute(
                Shards[shard].OwnerConnectionString!,
                $"INSERT INTO rooms.slot_owner (slot, epoch, state) SELECT slot, 1, 1 FROM generate_series(0, 4095) slot WHERE slot % {Shards.Count} = {shard}");
        }

        // Somebody else's now, as after a move of slots.
        PostgresServer.Execute(Shards[0].OwnerConnectionString!, $"DELETE FROM rooms.slot_owner WHERE slot % {Shards.Count} <> 0");
    }

    public short ShardOf(RoomId room) => (short)(Slot.Of(room) % Shards.Count);

    /// <summary>As a server that believes in this epoch of all slots.</summary>
    public (PostgresRoomStore Rooms, PostgresDirectory People) Serve(short shard = 0, long epoch = 1)
    {
        PostgresDatabase rooms = PostgresDatabase.Open(Shards[shard] with { OwnerConnectionString = null, ConnectionsMax = 4 }, PostgresParts.Rooms);
        PostgresDatabase people = PostgresDatabase.Open(Directory with { OwnerConnectionString = null, ConnectionsMax = 4 }, PostgresParts.Directory);
        _open.Add(rooms);
        _open.Add(people);
        return (new PostgresRoomStore(rooms, _ => epoch), new PostgresDirectory(people));
    }

    /// <summary>The servers stop.</summary>
    public void Stop()
    {
        _open.ForEach(database => database.Dispose());
        _open.Clear();
    }

    public void Dispose()
    {
        Stop();
        _names.ForEach(PostgresServer.Shared.DropDatabase);
    }

    private static PostgresOptions Of(string name) => new()
    {
        ConnectionString = PostgresServer.Shared.AppConnection(name),
        OwnerConnectionString = PostgresServer.Shared.OwnerConnection(name),
    };
}
