using Microsoft.Net.Http.Headers;

namespace Monstera.Server.Metrics;

/// <summary>How metrics are written.</summary>
public enum MetricsFormat
{
    /// <summary>Prometheus' text format 0.0.4.</summary>
    Text,

    /// <summary>OpenMetrics 1.0.0.</summary>
    OpenMetrics,
}

/// <summary>Chooses by the header Accept (RFC 9110 section 12.5.1).</summary>
public static class MetricsFormats
{
    private const string OpenMetricsType = "application/openmetrics-text";
    private const string TextType = "text/plain";
    private const string OpenMetricsVersion = "1.0.0";
    private const string TextVersion = "0.0.4";

    public static string ContentTypeOf(MetricsFormat format) => format == MetricsFormat.OpenMetrics
        ? $"{OpenMetricsType}; version={OpenMetricsVersion}; charset=utf-8"
        : $"{TextType}; version={TextVersion}; charset=utf-8";

    /// <summary>What the caller likes better. Who likes both the same, or neither, gets the text format, which everybody reads.</summary>
    public static MetricsFormat Choose(IEnumerable<string?> accept)
    {
        // What cannot be parsed says nothing.
        return MediaTypeHeaderValue.TryParseList([.. accept.OfType<string>()], out IList<MediaTypeHeaderValue>? ranges)
            && Quality(ranges, OpenMetricsType, OpenMetricsVersion) > Quality(ranges, TextType, TextVersion) ? MetricsFormat.OpenMetrics : MetricsFormat.Text;
    }

    /// <summary>That of the most exact range that the type is in; 0: it is in none, or not wanted.</summary>
    private static double Quality(IEnumerable<MediaTypeHeaderValue>? ranges, string type, string version)
    {
        (int Exactness, double Quality) best = (-1, 0);
        foreach (MediaTypeHeaderValue range in ranges ?? [])
        {
            int exactness = Exactness(range, type, version);
            double quality = range.Quality ?? 1;
            if (exactness >= 0 && (exactness > best.Exactness || (exactness == best.Exactness && quality > best.Quality)))
            {
                best = (exactness, quality);
            }
        }

        return best.Quality;
    }

    /// <returns>Below 0: the type is not in the range.</returns>
    private static int Exactness(MediaTypeHeaderValue range, string type, string version)
    {
        if (range.MatchesAllTypes)
        {
            return 0;
        }

        if (range.MatchesAllSubTypes)
        {
            return type.StartsWith(range.Type.ToString() + "/", StringComparison.OrdinalIgnoreCase) ? 1 : -1;
        }

        if (!range.MediaType.Equals(type, StringComparison.OrdinalIgnoreCase))
        {
            return -1;
        }

        NameValueHeaderValue? asked = range.Parameters.FirstOrDefault(parameter => parameter.Name.Equals("version", StringComparison.OrdinalIgnoreCase));
        return asked is null ? 2 : HeaderUtilities.RemoveQuotes(asked.Value).Equals(version, StringComparison.Ordinal) ? 3 : -1;
    }
}
