using System.Diagnostics;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Metrics;

/// <summary>Prometheus' own judge.</summary>
internal static class Promtool
{
    /// <summary>What it has to say against metrics in the text format; empty: nothing.</summary>
    public static async Task<string> Check(string metrics)
    {
        Requires.That(
            (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "promtool"))),
            "promtool is not on the PATH (Debian: the package prometheus).");
        using Process process = Process.Start(new ProcessStartInfo("promtool", ["check", "metrics"])
        {
            UseShellExecute = false, RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        Task<string> error = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.StandardInput.WriteAsync(metrics);
        process.StandardInput.Close();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        string said = (await output + await error).Trim();
        return process.ExitCode == 0 || said.Length > 0 ? said : $"promtool ended with {process.ExitCode}.";
    }
}
