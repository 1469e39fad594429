using System.Globalization;
using System.Net.Http.Headers;
using System.Text.RegularExpressions;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Metrics;

/// <summary>One answer of <c>/metrics</c>, read as strictly as the formats are written: every line is understood, and each family comes once and whole.</summary>
internal sealed partial class Scrape
{
    /// <summary>A label with its value, as a regular expression.</summary>
    private const string Label = @"[a-zA-Z_][a-zA-Z0-9_]*=""(?:[^""\\\n]|\\[\\n""])*""";

    private readonly Dictionary<string, double> _samples = new(StringComparer.Ordinal);

    private Scrape(string text, string contentType)
    {
        Text = text;
        ContentType = contentType;
        IsOpenMetrics = contentType.StartsWith("application/openmetrics-text", StringComparison.Ordinal);
        string family = "";
        string[] lines = text.Split('\n');
        Assert.Equal("", lines[^1]);
        foreach (string line in lines[..^1])
        {
            if (line == "# EOF")
            {
                Assert.True(IsOpenMetrics && line == lines[^2], "# EOF ends OpenMetrics, and nothing else.");
            }
            else if (Meta().Match(line) is { Success: true } meta)
            {
                string name = meta.Groups["name"].Value;
                if (name != family)
                {
                    Assert.False(Types.ContainsKey(name), $"{name} comes twice.");
                    family = name;
                }

                if (meta.Groups["what"].Value == "TYPE")
                {
                    Types.Add(name, meta.Groups["rest"].Value);
                }
            }
            else
            {
                Match sample = Sample().Match(line);
                Assert.True(sample.Success, $"Not a line of the format: {line}");
                Assert.True(IsOf(sample.Groups["name"].Value, family), $"{line} stands among {family}.");
                Assert.True(_samples.TryAdd(sample.Groups["series"].Value, Number(sample.Groups["value"].Value)), $"{line} comes twice.");
            }
        }

        Assert.Equal(IsOpenMetrics, lines[^2] == "# EOF");
    }

    public string Text { get; }

    public string ContentType { get; }

    public bool IsOpenMetrics { get; }

    /// <summary>By the name of the family.</summary>
    public Dictionary<string, string> Types { get; } = new(StringComparer.Ordinal);

    public IEnumerable<string> Series => _samples.Keys;

    /// <summary>Of a series with all its labels.</summary>
    public double this[string series] => _samples.TryGetValue(series, out double value) ? value : throw new Xunit.Sdk.XunitException($"There is no {series} in:\n{Text}");

    /// <summary>Of all series of a name, those with these labels among theirs.</summary>
    public double Sum(string name, params string[] labels) => _samples
        .Where(one => (one.Key == name || one.Key.StartsWith(name + "{", StringComparison.Ordinal)) && labels.All(label => one.Key.Contains(label, StringComparison.Ordinal)))
        .Sum(one => one.Value);

    public static async Task<Scrape> Of(Uri server, string? accept = null)
    {
        using HttpClient http = new();
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(server, "/metrics"));
        if (accept is not null)
        {
            request.Headers.Accept.ParseAdd(accept);
        }

        using HttpResponseMessage response = await http.SendAsync(request, TestContext.Current.CancellationToken);
        Assert.Equal(200, (int)response.StatusCode);
        Assert.False(response.Headers.Contains("Set-Cookie"));
        MediaTypeHeaderValue type = response.Content.Headers.ContentType!;
        return new Scrape(await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken), type.ToString());
    }

    /// <summary>Asks again and again until they say so.</summary>
    public static async Task<Scrape> Until(Uri server, Func<Scrape, bool> isSo, string what)
    {
        using CancellationTokenSource patience = new(Signal.Patience);
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(50), TimeProvider.System);
        Scrape scrape = await Of(server);
        try
        {
            while (!isSo(scrape))
            {
                await timer.WaitForNextTickAsync(patience.Token);
                scrape = await Of(server);
            }
        }
        catch (OperationCanceledException e)
        {
            throw new TimeoutException($"Waited in vain for this in the metrics: {what}.\n{scrape.Text}", e);
        }

        return scrape;
    }

    private bool IsOf(string name, string family) =>
        name == family
        || (Types[family] == "histogram" && (name == family + "_bucket" || name == family + "_sum" || name == family + "_count"))
        || (IsOpenMetrics && Types[family] == "counter" && name == family + "_total");

    private static double Number(string text) => text switch
    {
        "+Inf" => double.PositiveInfinity,
        "-Inf" => double.NegativeInfinity,
        _ => double.Parse(text, CultureInfo.InvariantCulture),
    };

    [GeneratedRegex(@"^# (?<what>HELP|TYPE|UNIT) (?<name>[a-zA-Z_:][a-zA-Z0-9_:]*) (?<rest>.+)$", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Meta();

    [GeneratedRegex(
        "^(?<series>(?<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\\{" + Label + "(?:," + Label + ")*\\})?) (?<value>[+-]?Inf|NaN|-?[0-9.]+(?:E[+-]?[0-9]+)?)$",
        RegexOptions.ExplicitCapture,
        matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Sample();
}
