using Monstera.Data.Backups;
using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Data.Archive;
using Monstera.Tests.Data.Postgres;
using Npgsql;

namespace Monstera.Tests.Commands;

/// <summary>Scheduled backups as processes, held up in the middle by a table that they cannot read.</summary>
public sealed class KilledBackupTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task What_is_killed_or_stopped_is_no_backup_and_goes_and_what_another_makes_stays()
    {
        using PostgresInstallationUnderTest source = new(shards: 1);
        await (await source.Open()).DisposeAsync();
        (Monstera.Data.Postgres.PostgresRoomStore rooms, Monstera.Data.Postgres.Directory.PostgresDirectory people) = source.Serve();
        await new InstallationContent(rooms, people).Fill(count: 1, messages: 5);
        source.Stop();
        (string, string)[] settings = [("Storage", "postgres"), ("Backups:Folder", _folder), .. source.Settings];
        await using NpgsqlConnection table = await PostgresDesk.Open(PostgresServer.Shared.SuperuserConnection(source.Name));

        // Another process makes one meanwhile, slowly.
        using (BackupInProgress other = BackupInProgress.Begin(_folder, TimeProvider.System.GetUtcNow().AddHours(-1)))
        {
            Directory.CreateDirectory(other.Path);
            await File.WriteAllTextAsync(Path.Combine(other.Path, SqliteDatabase.FileName), "half", TestContext.Current.CancellationToken);
            await HoldUp();
            using (CommandProcess killed = CommandProcess.Start("backup", settings))
            {
                await Begun(2, killed);
                await killed.Kill9();
            }

            string half = Assert.Single(Directory.GetDirectories(_folder), path => path != other.Path);
            Assert.False(File.Exists(Path.Combine(half, BackupManifest.FileName)));

            // The next takes away what the killed one left, and lets be what the other makes.
            await LetGo();
            Assert.DoesNotContain("was left", await CommandProcess.Run(0, "backup", settings), StringComparison.Ordinal);
            Assert.True(File.Exists(Path.Combine(other.Path, SqliteDatabase.FileName)));
        }

        // In the place of the killed one, if it was begun within the same second.
        string[] whole = Directory.GetFileSystemEntries(_folder);
        await Backup.Verify(Assert.Single(whole), null, TestContext.Current.CancellationToken);

        // Told to stop, it cleans up by itself.
        await HoldUp();
        using CommandProcess stopped = CommandProcess.Start("backup", settings);
        await Begun(2, stopped);
        await stopped.Interrupt();
        Assert.Contains("is taken away", await stopped.Ends(1), StringComparison.Ordinal);
        Assert.Equal(whole, Directory.GetFileSystemEntries(_folder));

        Task HoldUp() => table.Execute("BEGIN; LOCK TABLE rooms.event IN ACCESS EXCLUSIVE MODE");

        Task LetGo() => table.Execute("ROLLBACK");

        Task Begun(int count, CommandProcess command) => Signal.Poll(
            () => Directory.GetFiles(_folder, SqliteDatabase.FileName, SearchOption.AllDirectories).Length == count, "a backup to be begun: " + command.Error);
    }
}
