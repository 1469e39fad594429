using Monstera.Data.Sqlite;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Browser;

/// <summary>A server that comes back from a backup: what it lost and a browser still has is offered there, and nothing is sent or shown as if it were there.</summary>
public sealed class RestoredRoomTests(Chromium chromium) : BrowserTest(chromium)
{
    [Fact]
    public async Task Own_messages_that_the_backup_lacks_are_offered_and_sent_again_once()
    {
        (ServerProcess process, Workspace workspace) = await StartProcess();
        RestClient bens = await workspace.Register("ben", "Ben");
        Person ada = await SignIn(workspace, workspace.Owner);
        Person ben = await SignIn(workspace, bens);
        ada.LosesNetwork = ben.LosesNetwork = true;
        await ada.Write("m1");
        await Expect(ben.Texts).ToHaveTextAsync(["m1"]);
        using Backup backup = await Backup.Of(process);

        await Expect(ada.Banner).ToHaveCountAsync(0);
        await Expect(ben.Banner).ToHaveCountAsync(0);
        await ada.Write("m2");
        await Expect(ben.Texts).ToHaveTextAsync(["m1", "m2"]);
        await ben.Write("b1");
        await Expect(ada.Texts).ToHaveTextAsync(["m1", "m2", "b1"]);
        await ada.Write("m3");
        await Expect(ben.Texts).ToHaveTextAsync(["m1", "m2", "b1", "m3"]);
        await backup.Restore(process);

        // Own ones are at the end, said to be missing; Ben's is not Ada's to show.
        await Expect(ada.Page.GetByTestId("restored-notice")).ToContainTextAsync("2 of your messages");
        await Expect(ada.Texts).ToHaveTextAsync(["m1", "m2", "m3"]);
        await Expect(ada.Message("m2")).ToHaveAttributeAsync("data-state", "lost");
        await Expect(ben.Texts).ToHaveTextAsync(["m1", "b1"]);
        await Expect(ben.Message("b1")).ToHaveAttributeAsync("data-state", "lost");
        Assert.Equal(["m1"], await workspace.Log(workspace.General));

        // Nobody has to answer at once: it is asked again after a reload, in every look.
        await Looks.AreFineEverywhere(ada, "restored", () => Expect(ada.Message("m3")).ToHaveAttributeAsync("data-state", "lost"));

        await ada.Message("m2").GetByTestId("send-again").ClickAsync();
        await Expect(ada.Message("m2")).ToHaveAttributeAsync("data-state", "sent");
        await Expect(ben.Message("m2")).ToHaveAttributeAsync("data-state", "sent");
        await ada.Message("m3").GetByTestId("discard").ClickAsync();
        await Expect(ada.Page.GetByTestId("restored-notice")).ToHaveCountAsync(0);
        await Expect(ada.Texts).ToHaveTextAsync(["m1", "m2"]);
        await Expect(ben.Texts).ToHaveTextAsync(["m1", "m2", "b1"]);
        await ada.Page.ReloadAsync();
        await Expect(ada.Texts).ToHaveTextAsync(["m1", "m2"]);
        Assert.Equal(["m1", "m2"], await workspace.Log(workspace.General));
    }

    /// <summary>The data folder as it was while the server stood still.</summary>
    private sealed class Backup : IDisposable
    {
        private readonly string _folder = System.IO.Directory.CreateTempSubdirectory("monstera-backup-").FullName;

        /// <summary>Stops the server for as long as the copy takes.</summary>
        public static async Task<Backup> Of(ServerProcess process)
        {
            Backup backup = new();
            await process.Terminate();
            Copy(process.Folder, backup._folder);
            await process.Restart();
            return backup;
        }

        /// <summary>The rooms get a greater epoch, as every way to bring a server back does it.</summary>
        public async Task Restore(ServerProcess process)
        {
            await process.Kill9();
            System.IO.Directory.Delete(process.Folder, recursive: true);
            Copy(_folder, process.Folder);
            using (SqliteConnection database = SqliteConnection.Open(Path.Combine(process.Folder, SqliteDatabase.FileName), readOnly: false))
            {
                database.Execute("UPDATE room SET epoch = epoch + 1");
            }

            await process.Restart();
        }

        public void Dispose() => System.IO.Directory.Delete(_folder, recursive: true);

        private static void Copy(string from, string to)
        {
            System.IO.Directory.CreateDirectory(to);
            foreach (string file in System.IO.Directory.EnumerateFiles(from))
            {
                File.Copy(file, Path.Combine(to, Path.GetFileName(file)));
            }

            foreach (string folder in System.IO.Directory.EnumerateDirectories(from))
            {
                Copy(folder, Path.Combine(to, Path.GetFileName(folder)));
            }
        }
    }
}
