using Monstera.Server.Commands;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Commands;

/// <summary>Words that make no sense: exit code 2 and one line that says which, before anything is opened.</summary>
public sealed class CommandLineTests
{
    [Theory]
    [InlineData("shards", "move-slots", "--from", "first", "--to", "1", "--slots", "5")]
    [InlineData("shards", "move-slots", "--from", "99999", "--to", "1", "--slots", "5")]
    [InlineData("shards", "move-slots", "--from", "0", "--to", "1", "--count", "many")]
    [InlineData("shards", "move-slots", "--from", "0", "--from", "1", "--to", "2", "--slots", "5")]
    [InlineData("shards", "move-slots", "--resume", "the-last")]
    [InlineData("shards", "move-slots", "--revert", "7")]
    [InlineData("shards", "move-slots", "--from")]
    [InlineData("shards", "rebalance", "--dry-run=perhaps")]
    [InlineData("shards", "add", "two")]
    [InlineData("shards", "add")]
    [InlineData("shards", "drain", "1.5")]
    [InlineData("shards", "verify", "--shard", "all")]
    [InlineData("shards", "list", "--json=perhaps")]
    [InlineData("shards", "balance")]
    [InlineData("shards")]
    [InlineData("move", "--from", "sqlite", "--to", "postgres", "--dry-run=perhaps")]
    [InlineData("move", "--from", "sqlite", "--to")]
    [InlineData("move", "--from", "files", "--to", "postgres")]
    [InlineData("move", "--from", "1", "--to", "0")]
    [InlineData("backup", "--to")]
    [InlineData("backup", "verify")]
    [InlineData("backup")]
    [InlineData("restore", "--from")]
    [InlineData("restore", "--from", "nowhere", "--replace=perhaps")]
    [InlineData("restore", "--from", "nowhere", "--Monstera:Storage=files")]
    [InlineData("restore", "--from", "nowhere", "--reaplace")]
    [InlineData("database")]
    [InlineData("database", "create", "--admin")]
    public async Task What_cannot_be_read_has_exit_code_2(params string[] arguments) => Assert.Equal(2, await MonsteraCommand.Run(arguments));

    [Theory]
    [InlineData("shards move-slots --from first --to 1", "monstera: 'first' cannot be the value of --from.")]
    [InlineData("shards add two", "monstera: 'two' cannot be the value of number.")]
    [InlineData("restore --from x --replace=perhaps", "monstera: 'perhaps' is neither an option of this command nor a setting (--Monstera:Key=value).")]
    public async Task It_is_said_in_one_line(string commandLine, string message)
    {
        using CommandProcess command = CommandProcess.Start(commandLine);
        await command.Ends(exitCode: 2);
        Assert.Equal(("", message), (command.Output, command.Error));
    }

    [Theory]
    [InlineData("--help")]
    [InlineData("shards", "--help")]
    [InlineData("shards", "add", "--help")]
    [InlineData("move", "--help")]
    public async Task Help_is_no_mistake(params string[] arguments) => Assert.Equal(0, await MonsteraCommand.Run(arguments));
}
