using Monstera.Data.Archive;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Sqlite;

/// <summary>The installation in a data folder: owned by this process, or read beside the server that owns it.</summary>
public sealed class SqliteInstallationArchive : IInstallationArchive
{
    private static readonly SqliteQuery OutboxPage = new("SELECT id, tenant, user, room, seq, member, at FROM membership_outbox WHERE id > ? ORDER BY id LIMIT 10000");

    private readonly string _folder;
    private SqliteDatabase _database;
    private SqliteRoomArchive _rooms;

    private SqliteInstallationArchive(string folder, SqliteDatabase database)
    {
        _folder = folder;
        Use(database);
    }

    /// <inheritdoc/>
    public string Place => $"SQLite ({Path.GetFullPath(_folder)})";

    /// <inheritdoc/>
    public IDirectoryArchive Directory { get; private set; }

    /// <inheritdoc/>
    public IReadOnlyList<ShardArchive> Shards { get; private set; }

    /// <summary>The database as it is open at present.</summary>
    internal SqliteDatabase Database => _database;

    /// <summary>Owned by this process if no other does; otherwise, and when <paramref name="readOnly"/>, only read.</summary>
    /// <exception cref="StorageRefusedException">See <see cref="SqliteDatabase.OpenToCopy"/> and <see cref="SqliteDatabase.OpenReadOnly"/>.</exception>
    public static SqliteInstallationArchive Open(string dataFolder, bool readOnly = false) =>
        new(dataFolder, readOnly ? SqliteDatabase.OpenReadOnly(dataFolder) : SqliteDatabase.TryOpen(dataFolder) ?? SqliteDatabase.OpenReadOnly(dataFolder));

    /// <summary>For who wants to serve the database.</summary>
    public static Installation Read(SqliteDatabase database) => new SqliteDirectoryArchive(database).ReadInstallation(CancellationToken.None).AsTask().GetAwaiter().GetResult();

    /// <summary>Owned by this process.</summary>
    /// <exception cref="StorageRefusedException">Another process owns it.</exception>
    public static SqliteInstallationArchive OpenOwned(string dataFolder) => new(dataFolder, SqliteDatabase.OpenToCopy(dataFolder));

    /// <inheritdoc/>
    public IRoomArchive RoomsOf(RoomId room) => _rooms;

    /// <inheritdoc/>
    public async ValueTask<IReadOnlyList<MembershipChange>> ReadOutbox(CancellationToken cancel) =>
        await _database.Read(
            connection =>
            {
                List<MembershipChange> changes = [];
                int before;
                do
                {
                    before = changes.Count;
                    using SqliteStatement row = connection.Prepare(OutboxPage).Bind(1, changes.Count == 0 ? 0 : changes[^1].Id);
                    while (row.Step())
                    {
                        changes.Add(new MembershipChange(
                            row.Int64(0), new TenantId(row.Guid(1)), new UserId(row.Guid(2)), new RoomId(row.Guid(3)), row.Int64(4), row.Bool(5), row.Time(6)));
                    }
                }
                while (changes.Count > before);

                return changes;
            },
            cancel);

    /// <inheritdoc/>
    public ValueTask Apply(IReadOnlyList<MembershipChange> changes, CancellationToken cancel) => new SqliteDirectory(_database).ApplyMemberships(changes, cancel);

    /// <inheritdoc/>
    public async ValueTask BeginCopy(Guid id, CancellationToken cancel)
    {
        await Set(new Installation(id, InstallationState.ReceivesCopy), cancel);
        Use(_database, receivesCopy: true);
    }

    /// <inheritdoc/>
    public async ValueTask EndCopy(CancellationToken cancel)
    {
        Installation present = await Directory.ReadInstallation(cancel);
        await Set(new Installation(present.Id, InstallationState.Served), cancel);
        Use(_database);
    }

    /// <inheritdoc/>
    public ValueTask<string?> FindWriters(CancellationToken cancel)
    {
        if (!_database.IsReadOnly)
        {
            return ValueTask.FromResult<string?>(null);
        }

        if (SqliteDatabase.TryOpen(_folder) is not { } owned)
        {
            return ValueTask.FromResult<string?>($"a server owns {_database.Path}");
        }

        _database.Dispose();
        Use(owned);
        return ValueTask.FromResult<string?>(null);
    }

    /// <inheritdoc/>
    public ValueTask Fence(string movedTo, DateTimeOffset at, CancellationToken cancel) =>
        _database.IsReadOnly ? throw new InvalidOperationException("The database is not owned.") : ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask MarkMoved(string movedTo, DateTimeOffset at, CancellationToken cancel)
    {
        Installation present = await Directory.ReadInstallation(cancel);
        await Set(new Installation(present.Id, InstallationState.MovedAway, movedTo, DateTimeOffset.FromUnixTimeMilliseconds(at.ToUnixTimeMilliseconds())), cancel);
    }

    /// <inheritdoc/>
    public ValueTask Reopen(CancellationToken cancel) => EndCopy(cancel);

    public ValueTask DisposeAsync()
    {
        _database.Dispose();
        return ValueTask.CompletedTask;
    }

    private async ValueTask Set(Installation installation, CancellationToken cancel)
    {
        Installation present = await Directory.ReadInstallation(cancel);
        if (present != installation && !await Directory.TrySetInstallation(present, installation, cancel))
        {
            throw new ArchiveConflictException($"{Place} was changed by somebody else meanwhile.");
        }
    }

    [System.Diagnostics.CodeAnalysis.MemberNotNull(nameof(_database), nameof(_rooms), nameof(Directory), nameof(Shards))]
    private void Use(SqliteDatabase database, bool receivesCopy = false)
    {
        _database = database;
        _rooms = new SqliteRoomArchive(database, receivesCopy);
        Directory = new SqliteDirectoryArchive(database);
        Shards = [new ShardArchive(_rooms, Slots: null)];
    }
}
