using System.CommandLine;
using System.CommandLine.Parsing;
using Monstera.Server.Commands.Shards;

namespace Monstera.Server.Commands;

/// <summary>The command line: <c>monstera [serve] [--Key=value …]</c>.</summary>
public static class MonsteraCommand
{
    /// <returns>0 when all went well, 1 when the server could not run, 2 when a setting or an option is wrong.</returns>
    public static Task<int> Run(string[] args)
    {
        Command serve = new("serve", "Runs the server (what happens when no command is named).") { TreatUnmatchedTokensAsErrors = false };
        serve.SetAction((parsed, _) => ServeCommand.Run([.. parsed.UnmatchedTokens]));

        RootCommand root = new("Monstera: chat that never loses, repeats or reorders a message. Settings: --Monstera:DataFolder=…, --urls=…, or the environment.")
        {
            TreatUnmatchedTokensAsErrors = false,
            Subcommands =
            {
                serve, DatabaseCommand.Make(), ShardsCommand.Make(), MoveCommand.Make(), BackupCommand.Make(), RestoreCommand.Make(), RebuildIndexCommand.Make(), HealthCommand.Make(),
                AdviseCommand.Make(), CapacityCommand.Make(),
            },
        };
        root.SetAction((parsed, _) => ServeCommand.Run([.. parsed.UnmatchedTokens]));

        ParseResult parsed = root.Parse(args);
        if (parsed.Errors.Count > 0)
        {
            return CommandRun.Tell([Explain(parsed.Errors[0])], CommandRun.WrongSettings);
        }

        // The host knows how to stop on SIGTERM and takes the time it needs; the command line would cut it off after two seconds and exit with 143.
        return parsed.InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
    }

    /// <summary>The library names types of .NET where a value cannot be read; all else it says well.</summary>
    private static string Explain(ParseError error)
    {
        (string Name, IEnumerable<Token> Tokens)? wrong = error.SymbolResult switch
        {
            OptionResult { Tokens.Count: > 0 } option => (option.Option.Name, option.Tokens),
            ArgumentResult { Parent: OptionResult option, Tokens.Count: > 0 } value => (option.Option.Name, value.Tokens),
            ArgumentResult { Tokens.Count: > 0 } value => (value.Argument.Name, value.Tokens),
            _ => null,
        };
        return wrong is { } w && error.Message.Contains("System.", StringComparison.Ordinal)
            ? $"'{string.Join(' ', w.Tokens)}' cannot be the value of {w.Name}."
            : error.Message;
    }
}
