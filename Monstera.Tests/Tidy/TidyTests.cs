using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Realtime.Hub;
using Monstera.Server.Wire;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Tidy;

/// <summary>Holds the shape of the project: arrows between folders, sizes of files, and that the documents name what there is.</summary>
public sealed partial class TidyTests
{
    private const int LinesMax = 400;
    private static readonly string Root = Repository.Root;

    private static readonly string[] Sources =
    [
        .. new[] { "Monstera.Data", "Monstera.Server", "Monstera.Tests", "Monstera.Bench", "Monstera.Web/src", "k6" }
            .Select(folder => Path.Combine(Root, folder))
            .Where(Directory.Exists)
            .SelectMany(folder => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
            .Where(file => file.EndsWith(".cs", StringComparison.Ordinal) || file.EndsWith(".ts", StringComparison.Ordinal) || file.EndsWith(".svelte", StringComparison.Ordinal))
            .Where(file => !GeneratedFolder().IsMatch(file)),
    ];

    [Fact]
    public void Files_have_at_most_400_lines() =>
        Assert.Empty(Sources.Where(file => File.ReadLines(file).Count() > LinesMax).Select(Name));

    [Fact]
    public void Nothing_is_left_for_later() =>
        Assert.Empty(Sources.Where(file => !file.EndsWith("TidyTests.cs", StringComparison.Ordinal) && LeftForLater().IsMatch(File.ReadAllText(file))).Select(Name));

    /// <summary>Operators look for them, and the documents name some.</summary>
    [Fact]
    public void Every_log_message_has_a_number_of_its_own() =>
        Assert.DoesNotContain(
            Sources.SelectMany(file => LogMessage().Matches(File.ReadAllText(file)).Select(match => match.Groups["id"].Value)).CountBy(id => id), id => id.Value > 1);

    [Fact]
    public void Data_knows_neither_server_nor_web() => Assert.Empty(Using("Monstera.Data", "Monstera.Server", "Microsoft.AspNetCore"));

    [Fact]
    public void In_data_the_contracts_know_no_provider() =>
        Assert.Empty(new[] { "Rooms", "Directory", "Growth", "Ids", "Sharding" }.SelectMany(folder => Using($"Monstera.Data/{folder}", "Monstera.Data.Sqlite", "Monstera.Data.Postgres")));

    [Fact]
    public void In_the_server_only_the_composition_sees_realtime() =>
        Assert.DoesNotContain(
            Using("Monstera.Server", "Monstera.Server.Realtime"),
            file => !file.StartsWith("Monstera.Server/Realtime/", StringComparison.Ordinal) && file != "Monstera.Server/MonsteraApplication.cs");

    [Fact]
    public void The_protocol_names_every_error_code_and_no_other()
    {
        string section = Section(Document("docs/protocol.md"), "## 3. Errors", "## 4.");
        IEnumerable<string> documented = CodeRow().Matches(section).Select(match => match.Groups[1].Value);
        IEnumerable<string> real = Enum.GetValues<ErrorCode>().Select(code => JsonSerializer.Serialize(code, WireJson.Options).Trim('"'));
        Assert.Equal(real.Order(StringComparer.Ordinal), documented.Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task The_protocol_names_every_call_and_no_other()
    {
        string section = Section(Document("docs/protocol.md"), "## 6. Calls", "`seq` in the answers");
        await using RunningServer server = await LiveServer.Start();
        Assert.Equal(
            server.Get<HubCalls>().Methods.Order(StringComparer.Ordinal),
            CodeRow().Matches(section).Select(match => match.Groups[1].Value).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Every_setting_is_documented()
    {
        string document = Document("docs/configuration.md");
        Assert.DoesNotContain(Keys(typeof(MonsteraOptions), ""), key => !document.Contains(key, StringComparison.Ordinal));
    }

    [Fact]
    public void Links_between_documents_lead_somewhere()
    {
        IEnumerable<string> documents = Directory.EnumerateFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories).Append(Path.Combine(Root, "README.md"));
        List<string> broken = [];
        foreach (string document in documents)
        {
            broken.AddRange(Link().Matches(File.ReadAllText(document))
                .Select(match => match.Groups[1].Value)
                .Where(link => !link.StartsWith("http", StringComparison.Ordinal) && !link.StartsWith('#'))
                .Where(link => !Path.Exists(Path.Combine(Path.GetDirectoryName(document)!, link.Split('#')[0])))
                .Select(link => $"{Name(document)} → {link}"));
        }

        Assert.Empty(broken);
    }

    private static IEnumerable<string> Keys(Type options, string prefix)
    {
        foreach (PropertyInfo property in options.GetProperties())
        {
            bool isGroup = property.PropertyType.Namespace == typeof(MonsteraOptions).Namespace && property.PropertyType.IsClass;
            foreach (string key in isGroup ? Keys(property.PropertyType, $"{prefix}{property.Name}:") : [prefix + property.Name])
            {
                yield return key;
            }
        }
    }

    private static IEnumerable<string> Using(string folder, params string[] namespaces) =>
        Sources.Where(file => Name(file).StartsWith(folder + "/", StringComparison.Ordinal))
            .Where(file => File.ReadLines(file).Any(line => namespaces.Any(name => line.StartsWith($"using {name}", StringComparison.Ordinal))))
            .Select(Name);

    private static string Document(string path) => File.ReadAllText(Path.Combine(Root, path));

    private static string Section(string text, string from, string to)
    {
        int start = text.IndexOf(from, StringComparison.Ordinal);
        return text[start..text.IndexOf(to, start, StringComparison.Ordinal)];
    }

    private static string Name(string file) => Path.GetRelativePath(Root, file).Replace('\\', '/');

    [GeneratedRegex(@"\[LoggerMessage\((?<id>[0-9]+),", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex LogMessage();

    [GeneratedRegex(@"[/\\](?:bin|obj|node_modules)[/\\]")]
    private static partial Regex GeneratedFolder();

    [GeneratedRegex(@"\b(?:TODO|FIXME|HACK|NotImplementedException)\b")]
    private static partial Regex LeftForLater();

    [GeneratedRegex(@"^\| `(?<name>\w+)` \|", RegexOptions.Multiline | RegexOptions.ExplicitCapture)]
    private static partial Regex CodeRow();

    [GeneratedRegex(@"\]\((?<link>[^)\s]+)\)", RegexOptions.ExplicitCapture)]
    private static partial Regex Link();
}
