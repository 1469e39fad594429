using System.CommandLine;
using Monstera.Data.Backups;
using Monstera.Data.Postgres.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using static Monstera.Server.Commands.CopyConsole;

namespace Monstera.Server.Commands;

/// <summary><c>monstera backup</c>: copies everything into a folder, beside running servers; <c>backup verify</c> checks such a folder.</summary>
internal static class BackupCommand
{
    public static Command Make()
    {
        Option<string?> to = new("--to") { Description = "A new folder." };
        Argument<string> folder = new("folder");
        Command verify = new("verify", "Checks that a backup is whole and what it was.") { Arguments = { folder } };
        verify.SetAction((parsed, _) => CommandRun.Run(cancel => Verify(parsed.GetValue(folder)!, cancel)));
        Command command = new("backup", "Copies everything into a folder. Servers may run meanwhile.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { to },
            Subcommands = { verify },
        };
        command.SetAction((parsed, _) => CommandRun.Run(cancel => parsed.GetValue(to) is { Length: > 0 } target
            ? Make(CommandSettings.Read(parsed.UnmatchedTokens), target, cancel)
            : CommandRun.Tell(["backup needs --to with a new folder."], CommandRun.WrongSettings)));
        return command;
    }

    private static async Task<int> Make(CommandSettings settings, string folder, CancellationToken cancel)
    {
        CopyConsole console = new(TimeProvider.System);
        BackupManifest manifest = await console.Run(async () =>
        {
            if (settings.Options.Storage == StorageProvider.Sqlite)
            {
                return await Backup.OfSqlite(settings.Options.DataFolder, folder, Workspace.Version, TimeProvider.System, console.Show, cancel);
            }

            await using PostgresInstallationArchive source = await OpenedInstallation.Postgres(settings, migrate: false, cancel);
            return await Backup.Of(source, "postgres", source.Slots, folder, Workspace.Version, TimeProvider.System, console.Show, cancel);
        });
        console.Say($"Backed up {Describe(manifest)} into {Path.GetFullPath(folder)}.");
        return CommandRun.Done;
    }

    private static async Task<int> Verify(string folder, CancellationToken cancel)
    {
        CopyConsole console = new(TimeProvider.System);
        BackupManifest manifest = await console.Run(() => Backup.Verify(folder, console.Show, cancel));
        console.Say($"Whole: {Describe(manifest)}.");
        return CommandRun.Done;
    }

    internal static string Describe(BackupManifest manifest) =>
        $"{Count(manifest.Size.Rooms, "room", "rooms")}, {Count(manifest.Size.Events, "event", "events")}, {Count(manifest.Size.Accounts, "account", "accounts")} of {manifest.At:yyyy-MM-dd HH:mm:ss} UTC";
}
