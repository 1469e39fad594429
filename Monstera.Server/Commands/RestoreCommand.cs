using System.CommandLine;
using Monstera.Data.Archive;
using Monstera.Data.Backups;
using Monstera.Data.Postgres.Directory;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands;

/// <summary><c>monstera restore</c>: brings a backup back into the storage that is set.</summary>
internal static class RestoreCommand
{
    private sealed record Wishes(bool DryRun, bool Replace, bool SignEverybodyOut);

    public static Command Make()
    {
        Option<string?> from = new("--from") { Description = "The folder of a backup." };
        Option<bool> dryRun = new("--dry-run") { Description = "Checks the backup and where it would go, and changes nothing." };
        Option<bool> replace = new("--replace") { Description = "SQLite: puts the database that is there aside, under another name." };
        Option<bool> signOut = new("--sign-everybody-out") { Description = "Ends all sessions. Otherwise people stay signed in as they were." };
        Command command = new("restore", "Brings a backup back. The server is stopped meanwhile.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { from, dryRun, replace, signOut },
        };
        command.SetAction((parsed, _) => CommandRun.Run(cancel => parsed.GetValue(from) is { Length: > 0 } folder
            ? Run(
                CommandSettings.Read(parsed.UnmatchedTokens), folder, new Wishes(parsed.GetValue(dryRun), parsed.GetValue(replace), parsed.GetValue(signOut)), cancel)
            : CommandRun.Tell(["restore needs --from with the folder of a backup."], CommandRun.WrongSettings)));
        return command;
    }

    private static async Task<int> Run(CommandSettings settings, string folder, Wishes wishes, CancellationToken cancel)
    {
        CopyConsole console = new(TimeProvider.System);
        BackupManifest manifest = BackupManifest.Read(folder);
        if (wishes.DryRun)
        {
            await console.Run(() => Backup.Verify(folder, console.Show, cancel));
            await using IInstallationArchive? there = await OpenedInstallation.ToRead(settings, settings.Options.Storage, cancel);
            if (there is not null && !(wishes.Replace && settings.Options.Storage == StorageProvider.Sqlite))
            {
                await Restore.Check(there, manifest, cancel);
            }

            console.Say($"Whole, and could be restored: {BackupCommand.Describe(manifest)}. Nothing was changed.");
            return CommandRun.Done;
        }

        string? aside = await console.Run(async () =>
        {
            if (settings.Options.Storage == StorageProvider.Sqlite)
            {
                return await Restore.IntoSqlite(
                    folder, settings.Options.DataFolder, TimeProvider.System, wishes.Replace, wishes.SignEverybodyOut, console.Show, cancel);
            }

            await using PostgresInstallationArchive destination = await OpenedInstallation.Postgres(settings, migrate: true, cancel);
            await Restore.Into(destination, folder, TimeProvider.System, wishes.SignEverybodyOut, console.Show, cancel);
            return null;
        });
        console.Say($"Restored {BackupCommand.Describe(manifest)}. Start the server.");
        if (aside is not null)
        {
            console.Say($"What was there is in {aside} now.");
        }

        return CommandRun.Done;
    }
}
