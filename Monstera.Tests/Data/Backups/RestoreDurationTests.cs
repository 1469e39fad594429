using System.Globalization;
using Monstera.Data.Archive;
using Monstera.Data.Backups;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Sqlite;
using Monstera.Tests.Data.Archive;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Backups;

/// <summary>
/// How long a backup and a restore take by the event, which docs/disaster.md promises by. A few rooms are enough to see that it works; MONSTERA_REHEARSAL_ROOMS=200, of 1,000 messages each, measures.
/// </summary>
public sealed class RestoreDurationTests : IDisposable
{
    private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-test-").FullName;
    private readonly int _rooms = int.Parse(Environment.GetEnvironmentVariable("MONSTERA_REHEARSAL_ROOMS") ?? "2", CultureInfo.InvariantCulture);

    public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_is_restored_has_the_size_of_what_was_backed_up_and_how_long_it_took_is_told()
    {
        string source = Path.Combine(_folder, "data"), fresh = Path.Combine(_folder, "fresh"), first = Path.Combine(_folder, "first"), second = Path.Combine(_folder, "second");
        using (var database = SqliteDatabase.Open(source))
        {
            await new InstallationContent(new SqliteRoomStore(database), new SqliteDirectory(database)).Fill(_rooms, messages: 1_000);
        }

        InstallationSize size = default!;
        using PostgresInstallationUnderTest postgres = new(shards: 1);
        await Time("backup of SQLite", async () => size = (await Backup.OfSqlite(source, first, "1", TimeProvider.System, null, Cancel)).Size);
        await Time("restore into SQLite", () => Restore.IntoSqlite(first, fresh, TimeProvider.System, replace: false, signEverybodyOut: false, null, Cancel));
        await using (PostgresInstallationArchive to = await postgres.Open())
        {
            await Time("restore into PostgreSQL", () => Restore.Into(to, first, TimeProvider.System, signEverybodyOut: false, null, Cancel));
            Assert.Equal(size, await InstallationCopy.Measure(to, Cancel));
        }

        await using (PostgresInstallationArchive from = await postgres.Open())
        {
            await Time("backup of PostgreSQL", async () => Assert.Equal(size, (await Backup.Of(from, "postgres", from.Slots, second, "1", TimeProvider.System, null, Cancel)).Size));
        }

        await using SqliteInstallationArchive restored = SqliteInstallationArchive.Open(fresh, readOnly: true);
        Assert.Equal(size, await InstallationCopy.Measure(restored, Cancel));

        async Task Time(string what, Func<Task> act)
        {
            long begun = TimeProvider.System.GetTimestamp();
            await act();
            double seconds = TimeProvider.System.GetElapsedTime(begun).TotalSeconds;
            TestContext.Current.TestOutputHelper?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what}: {seconds:N2} s of {size.Events} events, {seconds * 100_000 / size.Events:N2} s for 100,000"));
        }
    }
}
