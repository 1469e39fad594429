using Monstera.Tests.Deploy;

namespace Monstera.Tests.Metrics;

/// <summary>Prometheus' own judge.</summary>
internal static class Promtool
{
    /// <summary>What it has to say against metrics in the text format; empty: nothing.</summary>
    public static async Task<string> Check(string metrics)
    {
        Tool.Require("promtool");
        (int exitCode, string output, string error) = await Tool.Finish("promtool", ["check", "metrics"], input: metrics);
        string said = (output + error).Trim();
        return exitCode == 0 || said.Length > 0 ? said : $"promtool ended with {exitCode}.";
    }
}
