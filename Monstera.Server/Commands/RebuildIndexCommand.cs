using System.CommandLine;
using System.Globalization;
using Monstera.Data.Archive;

namespace Monstera.Server.Commands;

/// <summary><c>monstera rebuild-index</c>: rebuilds the directory's index of who is in which room from the rooms. Servers on PostgreSQL may run; on SQLite the server is stopped.</summary>
internal static class RebuildIndexCommand
{
    public static Command Make()
    {
        Command command = new("rebuild-index", "Rebuilds the index of who is in which room from the rooms. Servers on PostgreSQL may run meanwhile; one on SQLite must be stopped.")
        {
            TreatUnmatchedTokensAsErrors = false,
        };
        command.SetAction((parsed, _) => CommandRun.Run(cancel => Run(CommandSettings.Read(parsed.UnmatchedTokens), cancel)));
        return command;
    }

    private static async Task<int> Run(CommandSettings settings, CancellationToken cancel)
    {
        await using IInstallationArchive installation = await OpenedInstallation.ToChange(settings, cancel);
        RebuiltIndex rebuilt = await MembershipIndexRebuild.Run(installation, cancel);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Compared {rebuilt.Entries:N0} entries with the rooms: {rebuilt.Corrected:N0} were wrong. All {rebuilt.Members:N0} memberships of the rooms are in the index."));
        return CommandRun.Done;
    }
}
