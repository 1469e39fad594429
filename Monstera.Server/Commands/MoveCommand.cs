using System.CommandLine;
using System.Globalization;
using Monstera.Data;
using Monstera.Data.Archive;
using Monstera.Server.Configuration;
using static Monstera.Server.Commands.CopyConsole;

namespace Monstera.Server.Commands;

/// <summary><c>monstera move</c>: moves the whole installation from one kind of storage to another, or takes that back.</summary>
internal static class MoveCommand
{
    private sealed record Wishes(string? From, string? To, bool DryRun, bool Wait, bool Final, bool Replace, bool Reopen);

    public static Command Make()
    {
        Option<string?> from = new("--from") { Description = "sqlite or postgres." };
        Option<string?> to = new("--to") { Description = "The other one." };
        Option<bool> dryRun = new("--dry-run") { Description = "Checks and counts, and changes nothing." };
        Option<bool> wait = new("--wait") { Description = "Copies beside the servers, waits until they have stopped, and finishes." };
        Option<bool> final = new("--final") { Description = "The servers are stopped: finishes, or refuses while somebody is connected." };
        Option<bool> replace = new("--replace") { Description = "Copies rooms anew whose copy is no beginning of them." };
        Option<bool> reopen = new("--reopen") { Description = "Takes the storage that is set (Monstera:Storage) back into service after it was moved away; the copy is to be thrown away." };
        Command command = new("move", "Moves everything to another kind of storage. May be stopped and run again at any time.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Options = { from, to, dryRun, wait, final, replace, reopen },
        };
        command.SetAction((parsed, _) => Run(
            new Wishes(
                parsed.GetValue(from), parsed.GetValue(to), parsed.GetValue(dryRun), parsed.GetValue(wait), parsed.GetValue(final), parsed.GetValue(replace),
                parsed.GetValue(reopen)),
            parsed.UnmatchedTokens));
        return command;
    }

    private static Task<int> Run(Wishes wishes, IReadOnlyList<string> settings) => CommandRun.Run(async cancel =>
    {
        if (wishes.Reopen)
        {
            return wishes.From is null && wishes.To is null
                ? await Reopen(CommandSettings.Read(settings), cancel)
                : await CommandRun.Tell(["--reopen stands alone: it is about the storage that Monstera:Storage names."], CommandRun.WrongSettings);
        }

        if (CommandRun.Provider(wishes.From) is not { } from || CommandRun.Provider(wishes.To) is not { } to || from == to)
        {
            return await CommandRun.Tell(["move needs --from sqlite --to postgres, or --from postgres --to sqlite."], CommandRun.WrongSettings);
        }

        // What PostgreSQL needs is missing more often than anything else: said before anything is opened.
        CommandSettings read = CommandSettings.Read(settings);
        _ = read.Postgres();
        return wishes.DryRun ? await DryRun(read, from, to, cancel) : await Move(read, from, to, wishes, cancel);
    });

    private static async Task<int> Move(CommandSettings settings, StorageProvider from, StorageProvider to, Wishes wishes, CancellationToken cancel)
    {
        CopyConsole console = new(TimeProvider.System);
        await using IInstallationArchive source = await OpenedInstallation.Source(settings, from, cancel);
        await using IInstallationArchive destination = await OpenedInstallation.Destination(settings, to, cancel);

        // An SQLite file that nobody owns is ours; that nobody is connected to PostgreSQL may be chance, so that somebody must say it.
        MoveOptions options = new(
            Final: from == StorageProvider.Sqlite || wishes.Final || wishes.Wait, MustBeQuiet: wishes.Final && !wishes.Wait, wishes.Wait, wishes.Replace);
        InstallationMove move = new(source, destination, options, TimeProvider.System, console.Show, console.Say);
        console.Say($"From {source.Place} to {destination.Place}.");
        MoveOutcome outcome = await console.Run(() => move.Run(cancel));
        if (!outcome.Finished)
        {
            string again = from == StorageProvider.Sqlite
                ? "Stop the server and run the same command again"
                : "Stop the servers and run the same command again with --final";
            console.Say($"Copied {Count(outcome.Rooms, "room", "rooms")}, {Count(outcome.Events, "event", "events")}. {again}: {Count(outcome.Behind, "event", "events")} behind.");
            return CommandRun.Done;
        }

        console.Say(string.Create(
            CultureInfo.InvariantCulture,
            $"Moved {Count(outcome.Rooms, "room", "rooms")}, {Count(outcome.Events, "event", "events")}; the last part took {outcome.Quiet.TotalSeconds:0.0} s."));
        console.Say(to == StorageProvider.Postgres
            ? "Now set Monstera__Storage=postgres and start the server."
            : "Now set Monstera__Storage=sqlite, remove the connection strings, and start the server.");
        console.Say($"The way back, with all that is written from now on: monstera move --from {Name(to)} --to {Name(from)}");
        console.Say($"The way back without it: Monstera__Storage={Name(from)} monstera move --reopen");
        return CommandRun.Done;
    }

    private static async Task<int> DryRun(CommandSettings settings, StorageProvider from, StorageProvider to, CancellationToken cancel)
    {
        CopyConsole console = new(TimeProvider.System);
        await using IInstallationArchive source = await OpenedInstallation.ToRead(settings, from, cancel)
            ?? throw new StorageRefusedException($"There is nothing in {Name(from)} to be moved.");
        await using IInstallationArchive? destination = await OpenedInstallation.ToRead(settings, to, cancel);
        InstallationSize size = await console.Run(() => InstallationCopy.Measure(source, cancel));
        console.Say(
            $"{source.Place}: {Count(size.Rooms, "room", "rooms")}, {Count(size.Events, "event", "events")}, {Count(size.Accounts, "account", "accounts")}, "
            + $"{Count(size.Sessions, "session", "sessions")}, {Count(size.UserRooms, "membership", "memberships")}.");
        if (destination is null)
        {
            console.Say($"There is nothing in {Name(to)} yet: it would be made.");
        }
        else
        {
            await new InstallationMove(source, destination, new MoveOptions(Final: false), TimeProvider.System).Check(cancel);
            long behind = await new InstallationCopy(source, destination).CountBehind(cancel);
            console.Say($"{destination.Place} may receive it: {Count(behind, "event", "events")} would be copied.");
        }

        console.Say(await source.FindWriters(cancel) is { } writers
            ? $"It would be copied beside the servers ({writers}), and finished once they are stopped."
            : "Nobody writes: it could be moved at once.");
        console.Say("Nothing was changed.");
        return CommandRun.Done;
    }

    private static async Task<int> Reopen(CommandSettings settings, CancellationToken cancel)
    {
        await using IInstallationArchive archive = await OpenedInstallation.Source(settings, settings.Options.Storage, cancel);
        if (await archive.FindWriters(cancel) is { } writers && settings.Options.Storage == StorageProvider.Sqlite)
        {
            return await CommandRun.Tell([$"{archive.Place} is not to be reopened: {writers}."], CommandRun.Unsafe);
        }

        Installation installation = await archive.Directory.ReadInstallation(cancel);
        if (installation.State == InstallationState.ReceivesCopy)
        {
            return await CommandRun.Tell([$"{archive.Place} is a copy that is not finished: there is nothing to take back."], CommandRun.Unsafe);
        }

        await archive.Reopen(cancel);
        Console.WriteLine(installation.State == InstallationState.Served
            ? $"{archive.Place} was in service already."
            : $"{archive.Place} is in service again. Never start a server on {installation.MovedTo}: it has what was written there since, and this has not.");
        return CommandRun.Done;
    }

    private static string Name(StorageProvider provider) => provider == StorageProvider.Sqlite ? "sqlite" : "postgres";
}
