using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Web;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>Holds the settings in what is shipped to those that the server has: it would pass over one that is misspelt without a word.</summary>
internal static partial class DeployedSettings
{
    private static readonly string[] Known =
    [
        .. Keys(typeof(MonsteraOptions), "Monstera:"),
        .. Keys(typeof(WebClientOptions), "Monstera:WebClient:"),
    ];

    /// <summary>Names like settings of Monstera in a text (<c>Monstera__DataFolder</c>) that no setting has.</summary>
    public static IEnumerable<string> Unknown(string text) =>
        Setting().Matches(text).Select(match => match.Value).Where(name => !IsKnown(name)).Distinct(StringComparer.Ordinal);

    /// <summary>Checks the environment of a server as the server does at its start.</summary>
    /// <param name="secret">What is in a file that a variable names.</param>
    public static void AssertStarts(IReadOnlyDictionary<string, string> environment, Func<string, string> secret)
    {
        Assert.DoesNotContain(environment.Keys, name => name.StartsWith("Monstera", StringComparison.Ordinal) && !IsKnown(name));
        Dictionary<string, string?> values = environment.ToDictionary(
            variable => Key(Plain(variable.Key)), variable => (string?)(IsFile(variable.Key) ? secret(variable.Value) : variable.Value), StringComparer.OrdinalIgnoreCase);
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection(values).Build();
        MonsteraOptions options = configuration.GetSection(MonsteraOptions.Section).Get<MonsteraOptions>() ?? new MonsteraOptions();
        foreach (IValidateOptions<MonsteraOptions> validator in (IValidateOptions<MonsteraOptions>[])[new MonsteraOptionsValidator(), new ConnectionStringsValidator(new ConnectionStrings(configuration))])
        {
            Assert.Empty(validator.Validate(null, options).Failures ?? []);
        }
    }

    /// <summary>A connection string as one might stand in a secret's file.</summary>
    public static string Imagined(string file) =>
        file.Contains("redis", StringComparison.Ordinal) ? "redis:6379,user=monstera,password=secret" : $"Host={Path.GetFileName(file)};Database=monstera;Username=monstera_app;Password=secret";

    private static bool IsKnown(string name)
    {
        // Numbered items of a list.
        string key = Key(Plain(name));
        string list = key[..(key.LastIndexOf(':') + 1)];
        return Known.Contains(key, StringComparer.Ordinal) || (int.TryParse(key[list.Length..], out _) && Known.Contains(list.TrimEnd(':'), StringComparer.Ordinal));
    }

    private static bool IsFile(string name) => name.EndsWith("_FILE", StringComparison.Ordinal);

    private static string Plain(string name) => IsFile(name) ? name[..^"_FILE".Length] : name;

    private static string Key(string name) => name.Replace("__", ":", StringComparison.Ordinal);

    private static IEnumerable<string> Keys(Type options, string prefix)
    {
        foreach (PropertyInfo property in options.GetProperties())
        {
            bool isGroup = property.PropertyType.Namespace!.StartsWith("Monstera", StringComparison.Ordinal) && property.PropertyType.IsClass;
            foreach (string key in isGroup ? Keys(property.PropertyType, $"{prefix}{property.Name}:") : [prefix + property.Name])
            {
                yield return key;
            }
        }
    }

    [GeneratedRegex("Monstera__[A-Za-z0-9_]+")]
    private static partial Regex Setting();
}

public sealed class DeployedSettingsTests
{
    /// <summary>Also what is commented out: somebody will uncomment it.</summary>
    [Fact]
    public void Every_setting_that_is_shipped_or_documented_exists()
    {
        IEnumerable<string> files = System.IO.Directory.EnumerateFiles(Path.Combine(Repository.Root, "deploy"), "*", SearchOption.AllDirectories)
            .Concat(System.IO.Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Concat([Path.Combine(Repository.Root, "Dockerfile"), Path.Combine(Repository.Root, "README.md")]);
        List<string> unknown = [];
        int known = 0;
        foreach (string file in files)
        {
            string text = File.ReadAllText(file);
            unknown.AddRange(DeployedSettings.Unknown(text).Select(name => $"{Path.GetRelativePath(Repository.Root, file)}: {name}"));
            known += text.Split("Monstera__").Length - 1;
        }

        Assert.Empty(unknown);
        Assert.True(known > 20);
    }

    [Theory]
    [InlineData("Monstera__Registation", false)]
    [InlineData("Monstera__Lifecycle__DrainSecond", false)]
    [InlineData("Monstera__Lifecycle", false)]
    [InlineData("Monstera__Proxies__first", false)]
    [InlineData("Monstera__Registration", true)]
    [InlineData("Monstera__Proxies__12", true)]
    [InlineData("Monstera__ConnectionTokens__Secret_FILE", true)]
    [InlineData("Monstera__WebClient__Folder", true)]
    public void A_setting_is_known_by_its_whole_name(string name, bool known) => Assert.Equal(known ? [] : [name], DeployedSettings.Unknown($"- {name}=x"));
}
