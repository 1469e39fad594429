using System.CommandLine;
using System.Globalization;
using Monstera.Data.Archive;
using Monstera.Data.Backups;
using Monstera.Data.Postgres.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using static Monstera.Server.Commands.CopyConsole;

namespace Monstera.Server.Commands;

/// <summary>
/// <c>monstera backup</c>: copies everything into a folder, beside running servers, into one that is named or into a new sub-folder of <c>Backups:Folder</c>; <c>backup verify</c> checks such a folder.
/// </summary>
internal static class BackupCommand
{
    public static Command Make()
    {
        Option<string?> to = new("--to") { Description = "A new folder. Without it: a sub-folder of Monstera:Backups:Folder, named by the time." };
        Option<int?> keep = new("--keep") { Description = "Without --to: so many backups are left, with the one that was made; 0: all. Otherwise as Monstera:Backups:Keep has it." };
        Option<string?> dailyAt = new("--daily-at") { Description = "Without --to: runs on and makes one each day at this time (HH:MM, UTC), at once when the last was missed." };
        Argument<string> folder = new("folder");
        Command verify = new("verify", "Checks that a backup is whole and what it was.") { Arguments = { folder } };
        verify.SetAction((parsed, _) => CommandRun.Run(cancel => Verify(parsed.GetValue(folder)!, cancel)));
        Command command = new("backup", "Copies everything into a folder. Servers may run meanwhile.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { to, keep, dailyAt },
            Subcommands = { verify },
        };
        command.SetAction((parsed, _) => CommandRun.Run(
            cancel => Run(parsed.UnmatchedTokens, parsed.GetValue(to), parsed.GetValue(keep), parsed.GetValue(dailyAt), cancel)));
        return command;
    }

    private static async Task<int> Run(IReadOnlyList<string> words, string? to, int? keep, string? dailyAt, CancellationToken cancel)
    {
        TimeOnly at = default;
        if (dailyAt is not null && !TimeOnly.TryParseExact(dailyAt, "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out at))
        {
            return await CommandRun.Tell([$"'{dailyAt}' cannot be the value of --daily-at: give a time of day such as 03:17."], CommandRun.WrongSettings);
        }

        CommandSettings settings = CommandSettings.Read(words);
        if (to is { Length: > 0 })
        {
            return keep is null && dailyAt is null
                ? await MakeIn(settings, to, cancel)
                : await CommandRun.Tell(["--keep and --daily-at are for backups in Monstera:Backups:Folder, without --to."], CommandRun.WrongSettings);
        }

        if (settings.Options.Backups.Folder.Length == 0)
        {
            return await CommandRun.Tell(["backup needs --to with a new folder, or the setting Monstera:Backups:Folder."], CommandRun.WrongSettings);
        }

        settings.Options.Backups.Keep = keep ?? settings.Options.Backups.Keep;
        if (settings.Options.Backups.Keep < 0)
        {
            return await CommandRun.Tell([$"'{keep}' cannot be the value of --keep."], CommandRun.WrongSettings);
        }

        return dailyAt is null ? await MakeDated(settings, cancel) : await MakeDaily(settings, at, cancel);
    }

    private static async Task<int> MakeIn(CommandSettings settings, string folder, CancellationToken cancel)
    {
        await MakeOne(settings, folder, cancel);
        return CommandRun.Done;
    }

    private static async Task<BackupManifest> MakeOne(CommandSettings settings, string folder, CancellationToken cancel)
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
        return manifest;
    }

    /// <summary>1. makes a backup; what it leaves when it does not end well is taken away; 2. removes older ones, once the new one is finished.</summary>
    private static async Task<int> MakeDated(CommandSettings settings, CancellationToken cancel)
    {
        // 1.
        string root = settings.Options.Backups.Folder;
        BackupManifest made;
        try
        {
            using BackupInProgress begun = BackupInProgress.Begin(root, TimeProvider.System.GetUtcNow());
            made = await MakeOne(settings, begun.Path, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return await CommandRun.Tell(["Stopped. The backup that was begun is taken away; those before are as they were."], CommandRun.CouldNot);
        }

        // 2.
        if (settings.Options.Backups.Keep > 0)
        {
            BackupRemoval removal = BackupFolder.RemoveOlder(root, made, settings.Options.Backups.Keep);
            CopyConsole console = new(TimeProvider.System);
            foreach (string path in removal.Removed)
            {
                console.Say($"Removed {path}: {settings.Options.Backups.Keep} are kept.");
            }

            await CommandRun.Tell(removal.Left.Select(one => $"{one.Path} was left: {one.Why}. Look at it, and remove it."), CommandRun.Done);
        }

        return CommandRun.Done;
    }

    private static async Task<int> MakeDaily(CommandSettings settings, TimeOnly at, CancellationToken cancel)
    {
        if (settings.Options.Storage == StorageProvider.Postgres)
        {
            // What is wrong with them does not mend itself.
            _ = settings.Postgres();
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Each day at {at:HH:mm} UTC a backup is made in {Path.GetFullPath(settings.Options.Backups.Folder)}."));
        int last = CommandRun.Done;
        try
        {
            await new BackupDays(at, TimeProvider.System).Run(
                () => FindNewest(settings, cancel), async () => (last = await CommandRun.Attempt(() => MakeDated(settings, cancel))) == CommandRun.Done, cancel);
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            // As it should end.
        }

        return last;
    }

    /// <returns>Null: there is none, or that cannot be told, which is said.</returns>
    private static async Task<DateTimeOffset?> FindNewest(CommandSettings settings, CancellationToken cancel)
    {
        DateTimeOffset? newest = null;
        await CommandRun.Attempt(async () =>
        {
            await using IInstallationArchive? source = await OpenedInstallation.ToRead(settings, settings.Options.Storage, cancel);
            if (source is not null && Directory.Exists(settings.Options.Backups.Folder))
            {
                Guid installation = (await source.Directory.ReadInstallation(cancel)).Id;
                newest = BackupFolder.Newest(settings.Options.Backups.Folder, installation, TimeProvider.System.GetUtcNow())?.Manifest.At;
            }

            return CommandRun.Done;
        });
        return newest;
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
