using System.CommandLine;
using Monstera.Server.Commands.Shards;

namespace Monstera.Server.Commands;

/// <summary>The command line: <c>monstera [serve] [--Key=value …]</c>.</summary>
public static class MonsteraCommand
{
    /// <returns>0 when all went well, 1 when the server could not run, 2 when a setting is wrong.</returns>
    public static Task<int> Run(string[] args)
    {
        Command serve = new("serve", "Runs the server (what happens when no command is named).") { TreatUnmatchedTokensAsErrors = false };
        serve.SetAction((parsed, _) => ServeCommand.Run([.. parsed.UnmatchedTokens]));

        RootCommand root = new("Monstera: chat that never loses, repeats or reorders a message. Settings: --Monstera:DataFolder=…, --urls=…, or the environment.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Subcommands = { serve, DatabaseCommand.Make(), ShardsCommand.Make(), MoveCommand.Make(), BackupCommand.Make(), RestoreCommand.Make(), RebuildIndexCommand.Make() },
        };
        root.SetAction((parsed, _) => ServeCommand.Run([.. parsed.UnmatchedTokens]));

        // The host knows how to stop on SIGTERM and takes the time it needs; the command line would cut it off after two seconds and exit with 143.
        return root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }
}
