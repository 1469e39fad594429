using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Growth;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Growth;

/// <summary><c>growth.json</c>: the one that is shipped is right, and what is wrong in another is named with its place.</summary>
public sealed partial class GrowthFileTests
{
    private static readonly string Shipped = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, GrowthFile.Name));

    [Fact]
    public void The_shipped_file_is_right_and_has_every_limit_and_every_way()
    {
        GrowthBook book = MadeUp.Book;
        Assert.Equal(Enum.GetValues<LimitKind>().Order(), book.PhaseOf(1).Limits.Keys.Order());
        Assert.All(book.Phases, phase => Assert.Equal(phase.Limits.Keys.Order(), phase.Remedies.Keys.Order()));
        Assert.Equal([null, "monstera move --from sqlite --to postgres --wait", "monstera shards add 1", "monstera shards rebalance"], book.Phases.Select(phase => phase.Enter?.Command));
    }

    [Theory]
    [InlineData("\"daysMin\": 14", "\"daysMin\": 3", "history.daysMin is 3: it is from 14 to 90.")]
    [InlineData("\"daysMin\": 14", "\"daysMinn\": 14", "nothing is called daysMinn there.")]
    [InlineData("\"daysMin\": 14", "\"daysMin\": \"14\"", "line 5, $.history.daysMin: a value of another kind")]
    [InlineData("\"users\": 50,", "\"useres\": 50,", "a value of another kind, or another word, is wanted there.")]
    [InlineData("\"users\": 50,", "\"users\": -1,", "phases[1].limits.users is -1: it is from 0.001")]
    [InlineData("\"queue\": 0.25, \"processors\": 0.6, \"memory\": 0.75, \"disk\"", "\"queue\": 25, \"processors\": 0.6, \"memory\": 0.75, \"disk\"", "phases[1].limits.queue is 25: it is from 0.001 to 1.")]
    [InlineData("\"disk\": \"disk\",", "", "phases[1].remedies does not say what to do about disk.")]
    [InlineData("\"latency\": \"shard\"", "\"latency\": \"phase\"", "phases[4].remedies.latency is 'phase', and there is none after it.")]
    [InlineData("\"node\": \"medium\", \"nodes\": 3", "\"node\": \"huge\", \"nodes\": 3", "phases[4].machines.node is 'huge', which prices.instances does not have.")]
    [InlineData("\"name\": \"medium\", \"processors\"", "\"name\": \"small\", \"processors\"", "prices.instances has 'small' twice.")]
    [InlineData("\"number\": 3", "\"number\": 2", "phases are numbered from 1 to 4, in order.")]
    [InlineData("\"ja\": \"10～50人\"", "\"ja\": \" \"", "phases[1].people.ja is a text of 1 to 1000 characters.")]
    [InlineData("\"processorUsPerConnectionSecond\":", "\"processorUsPerConnectionSecnd\":", "nothing is called processorUsPerConnectionSecnd there.")]
    [InlineData("\"history\": {", "\"history\": ", "line 5")]
    public void What_is_wrong_is_named_with_its_place(string right, string wrong, string sentence)
    {
        Assert.Contains(right, Shipped, StringComparison.Ordinal);
        (GrowthBook? book, string? fault) = GrowthFile.TryParse(Shipped.Replace(right, wrong, StringComparison.Ordinal), "mine.json");
        Assert.Null(book);
        Assert.StartsWith("mine.json", fault, StringComparison.Ordinal);
        Assert.Contains(sentence, fault, StringComparison.Ordinal);
        Assert.DoesNotContain("Monstera.Server", fault, StringComparison.Ordinal);
        Assert.DoesNotContain("System.", fault, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_is_not_there_is_named_and_the_server_does_not_start()
    {
        Assert.Contains("nowhere.json", Assert.Throws<OptionsValidationException>(() => GrowthFile.Read(new GrowthOptions { File = "nowhere.json" })).Message, StringComparison.Ordinal);
        ValidateOptionsResult result = new GrowthOptionsValidator().Validate(null, new MonsteraOptions { Growth = { File = "nowhere.json" } });
        Assert.Contains("Monstera:Growth:File", Assert.Single(result.Failures!), StringComparison.Ordinal);
        Assert.True(new GrowthOptionsValidator().Validate(null, new MonsteraOptions()).Succeeded);
    }

    /// <summary>Each name of the file is in the document that explains it.</summary>
    [Fact]
    public void The_document_explains_every_unit_cost_and_every_limit()
    {
        string document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "growth.md"));
        string costs = Shipped[Shipped.IndexOf("\"unitCosts\"", StringComparison.Ordinal)..Shipped.IndexOf("\"measurements\"", StringComparison.Ordinal)];
        IEnumerable<string> names = Name().Matches(costs).Skip(1).Select(match => match.Groups["name"].Value).Concat(Enum.GetValues<LimitKind>().Select(GrowthNames.Of));
        Assert.DoesNotContain(names, name => !document.Contains($"`{name}`", StringComparison.Ordinal));
    }

    [GeneratedRegex("\"(?<name>\\w+)\":", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Name();
}
