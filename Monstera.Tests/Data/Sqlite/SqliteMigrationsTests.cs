using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Tests.Data.Sqlite;

public sealed class SqliteMigrationsTests : IDisposable
{
    private static readonly SqliteQuery ReadVersions = new("SELECT version FROM schema_migration ORDER BY version");
    private static readonly SqliteQuery ReadSchema = new("SELECT coalesce(sql, name) FROM sqlite_schema ORDER BY name");

    private static readonly Migration First = new(1, "0001_first", "CREATE TABLE a (x); INSERT INTO a VALUES (1);");
    private static readonly Migration Second = new(2, "0002_second", "ALTER TABLE a ADD COLUMN y; UPDATE a SET y = x + 1;");

    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_fresh_file_gets_all_migrations_once()
    {
        for (int i = 0; i < 3; i++)
        {
            SqliteDatabase.Open(_folder).Dispose();
        }

        Assert.Equal(SqliteMigrations.Embedded.Select(m => $"{m.Version}"), Read(ReadVersions));
    }

    [Fact]
    public void Migrations_are_numbered_from_one_without_a_gap()
    {
        Assert.NotEmpty(SqliteMigrations.Embedded);
        Assert.Equal(Enumerable.Range(1, SqliteMigrations.Embedded.Count), SqliteMigrations.Embedded.Select(m => m.Version));
        Assert.All(SqliteMigrations.Embedded, m => Assert.Matches("^[0-9]{4}_[a-z_]+(?:_needs_[0-9]{4})?$", m.Name));
    }

    /// <summary>What was released is not edited: files out there were made by it. A change is a further file.</summary>
    [Theory]
    [InlineData(1, "0001_rooms")]
    [InlineData(2, "0002_directory")]
    [InlineData(3, "0003_installation")]
    public void Released_migrations_are_as_they_were(int version, string name)
    {
        using Stream frozen = typeof(SqliteMigrationsTests).Assembly.GetManifestResourceStream($"{name}.frozen.sql")!;
        using var reader = new StreamReader(frozen);
        Assert.Equal(new Migration(version, name, reader.ReadToEnd()), SqliteMigrations.Embedded[version - 1]);
    }

    [Fact]
    public void Further_migrations_are_applied_to_what_is_there()
    {
        SqliteDatabase.Open(_folder, [First]).Dispose();
        SqliteDatabase.Open(_folder, [First, Second]).Dispose();
        Assert.Equal(["2"], Read(new SqliteQuery("SELECT y FROM a")));
        Assert.Equal(["1", "2"], Read(ReadVersions));
    }

    [Fact]
    public void A_newer_schema_that_only_adds_is_served_and_left_as_it_is_and_not_copied()
    {
        SqliteDatabase.Open(_folder, [First, Second]).Dispose();
        SqliteDatabase.Open(_folder, [First]).Dispose();
        StorageRefusedException e = Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_folder, [First], toServe: false));
        Assert.Contains("version 2", e.Message, StringComparison.Ordinal);
        Assert.Contains("up to 1", e.Message, StringComparison.Ordinal);
        Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_folder, [new Migration(1, First.Name, "CREATE TABLE a (z)")]));
        Assert.Equal(["1", "2"], Read(ReadVersions));
        SqliteDatabase.Open(_folder, [First, Second], toServe: false).Dispose();
    }

    /// <summary>The third step takes away what only binaries of the first schema read.</summary>
    [Fact]
    public void A_newer_schema_that_takes_away_is_served_by_who_does_not_need_it_any_more()
    {
        Migration third = new(3, "0003_drop_x_needs_0002", "ALTER TABLE a DROP COLUMN x");
        SqliteDatabase.Open(_folder, [First, Second, third]).Dispose();
        SqliteDatabase.Open(_folder, [First, Second]).Dispose();
        Assert.Contains("up to 1", Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_folder, [First])).Message, StringComparison.Ordinal);
        Assert.Equal((0, 2, 0), (Migration.Needs(First.Name), Migration.Needs(third.Name), Migration.Needs("0004_needs_0002_more")));
    }

    [Fact]
    public void An_edited_migration_is_refused()
    {
        SqliteDatabase.Open(_folder, [First]).Dispose();
        Migration edited = First with { Script = First.Script + " " };
        StorageRefusedException e = Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_folder, [new Migration(1, First.Name, edited.Script), Second]));
        Assert.Contains("0001_first", e.Message, StringComparison.Ordinal);
        Assert.Equal(["1"], Read(ReadVersions));
    }

    [Fact]
    public void Line_ends_of_a_checkout_do_not_matter() =>
        Assert.Equal(new Migration(1, "a", "x\ny\n").Checksum, new Migration(1, "a", "x\r\ny\r\n").Checksum);

    [Fact]
    public void A_migration_that_fails_leaves_the_file_as_it_was()
    {
        SqliteDatabase.Open(_folder, [First]).Dispose();
        IReadOnlyList<string> before = Read(ReadSchema);
        Assert.Throws<InvalidOperationException>(
            () => SqliteDatabase.Open(_folder, [First, Second, new Migration(3, "0003_bad", "CREATE TABLE b (x); NONSENSE;")]));
        Assert.Equal(before, Read(ReadSchema));
        Assert.Equal(["1"], Read(ReadVersions));
        SqliteDatabase.Open(_folder, [First, Second]).Dispose();
    }

    [Fact]
    public void A_file_of_another_program_is_refused()
    {
        using (SqliteConnection foreign = SqliteConnection.Open(FilePath, readOnly: false))
        {
            foreign.Execute("CREATE TABLE theirs (x)");
        }

        Assert.Throws<StorageRefusedException>(() => SqliteDatabase.Open(_folder));
        File.WriteAllText(FilePath, new string('x', 5000));
        Assert.Throws<StorageUnavailableException>(() => SqliteDatabase.Open(_folder));
    }

    [Fact]
    public async Task Two_that_migrate_at_once_end_with_one_schema()
    {
        // Without the ownership lock, which keeps them apart before it comes to that.
        using (SqliteConnection.Open(FilePath, readOnly: false))
        {
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(
            () =>
            {
                using SqliteConnection connection = SqliteConnection.Open(FilePath, readOnly: false);
                SqliteMigrations.Run(connection, SqliteMigrations.Embedded);
            },
            TestContext.Current.CancellationToken)));
        Assert.Equal(SqliteMigrations.Embedded.Select(m => $"{m.Version}"), Read(ReadVersions));
    }

    [Fact]
    public async Task Two_that_open_at_once_are_one_owner()
    {
        object[] results = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(
            object () =>
            {
                try
                {
                    return SqliteDatabase.Open(_folder);
                }
                catch (StorageRefusedException e)
                {
                    return e;
                }
            },
            TestContext.Current.CancellationToken)));
        SqliteDatabase owner = Assert.Single(results.OfType<SqliteDatabase>());
        Assert.All(results.OfType<StorageRefusedException>(), e => Assert.Contains("in use by another server", e.Message, StringComparison.Ordinal));
        owner.Dispose();
        SqliteDatabase.Open(_folder).Dispose();
    }

    /// <summary>A database of the first release, as it was then, opens in this server and has everything.</summary>
    [Fact]
    public async Task A_database_of_the_first_schema_is_brought_up_to_date()
    {
        using (SqliteConnection old = SqliteConnection.Open(FilePath, readOnly: false))
        {
            old.Execute("CREATE TABLE schema_migration (version INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)");
            SqliteMigrations.Run(old, [.. SqliteMigrations.Embedded.Take(2)]);
            old.Execute(Resource("first-schema-content.sql"));
        }

        using SqliteDatabase database = SqliteDatabase.Open(_folder);
        var rooms = new SqliteRoomStore(database);
        TenantId tenant = TenantId.Parse("01000000-0000-7000-8000-000000000001", null);
        RoomId room = RoomId.Parse("01000000-0000-7000-8000-000000000002", null);
        UserId user = UserId.Parse("01000000-0000-7000-8000-000000000003", null);
        LogPage log = (await rooms.ReadAfter(tenant, room, user, 0, 100, 10_000, TestContext.Current.CancellationToken))!;
        Assert.Equal([EventType.RoomCreated, EventType.MemberJoined, EventType.MessageCreated, EventType.MessageEdited], log.Events.Select(e => e.Type));
        TimelineItem item = (await rooms.FindMessage(tenant, room, user, 3, TestContext.Current.CancellationToken))!;
        Assert.Equal(("second", 4), (item.Event.Text, item.Rev));
        User owner = (await new SqliteDirectory(database).FindUser(tenant, user, TestContext.Current.CancellationToken))!;
        Assert.Equal(("owner", default(PresenceSetting)), (owner.UserName, owner.Presence));
    }

    private string FilePath => Path.Combine(_folder, SqliteDatabase.FileName);

    private static string Resource(string name)
    {
        using var reader = new StreamReader(typeof(SqliteMigrationsTests).Assembly.GetManifestResourceStream(name)!);
        return reader.ReadToEnd();
    }

    private List<string> Read(SqliteQuery query)
    {
        using SqliteConnection connection = SqliteConnection.Open(FilePath, readOnly: true);
        using SqliteStatement row = connection.Prepare(query);
        List<string> values = [];
        while (row.Step())
        {
            values.Add(row.Text(0));
        }

        return values;
    }
}
