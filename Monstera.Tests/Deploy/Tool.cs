using System.Diagnostics;
using System.Text.Json.Nodes;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>Programs of others, as they are installed here: most check what is shipped in <c>deploy/</c>.</summary>
internal static class Tool
{
    private const string JsonOfYaml = "import json, sys, yaml; json.dump(list(yaml.safe_load_all(sys.stdin)), sys.stdout)";

    /// <summary>A program on the PATH, or where balancers are, which is not on everybody's; null: it is not installed.</summary>
    public static string? Find(string program) => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries)
        .Concat(["/usr/sbin", "/usr/local/sbin"]).Select(folder => Path.Combine(folder, program)).FirstOrDefault(File.Exists);

    /// <summary>A file of <c>deploy/</c>.</summary>
    public static string Shipped(params string[] path) => Path.Combine([Repository.Root, "deploy", .. path]);

    /// <summary>Skips the test where one is missing.</summary>
    public static void Require(string program) => Requires.That(Find(program) is not null, $"{program} is not installed.");

    /// <summary>Runs a program to its end, which must be this one.</summary>
    /// <param name="environment">Beside this process's own; null takes a variable away.</param>
    /// <param name="within">A minute unless said otherwise; then it is killed.</param>
    /// <returns>What it wrote.</returns>
    public static async Task<string> Run(
        int exitCode, string program, IEnumerable<string> arguments, IEnumerable<(string Name, string? Value)>? environment = null, string input = "", string? folder = null, TimeSpan? within = null)
    {
        (int ended, string output, string error) = await Finish(program, arguments, environment, input, folder, within);
        Assert.True(ended == exitCode, $"{program} ended with {ended} instead of {exitCode}: {output}\n{error}");
        return exitCode == 0 ? output : $"{output}\n{error}";
    }

    /// <summary>As <see cref="Run"/>, whatever its end is.</summary>
    public static async Task<(int ExitCode, string Output, string Error)> Finish(
        string program, IEnumerable<string> arguments, IEnumerable<(string Name, string? Value)>? environment = null, string input = "", string? folder = null, TimeSpan? within = null)
    {
        ProcessStartInfo start = new(program, arguments)
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
            WorkingDirectory = folder ?? Path.GetTempPath(),
        };
        foreach ((string name, string? value) in environment ?? [])
        {
            if (value is null)
            {
                start.Environment.Remove(name);
            }
            else
            {
                start.Environment[name] = value;
            }
        }

        using Process process = Process.Start(start)!;
        Task<string> output = process.StandardOutput.ReadToEndAsync();
        Task<string> error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync(input);
        process.StandardInput.Close();
        using CancellationTokenSource patience = new(within ?? TimeSpan.FromMinutes(1));
        try
        {
            await process.WaitForExitAsync(patience.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(CancellationToken.None);
        }

        return (process.ExitCode, await output, await error);
    }

    /// <summary>The documents of a text in YAML, by the library that Debian's docker-compose brings with it.</summary>
    public static async Task<IReadOnlyList<JsonObject>> ReadYaml(string yaml) =>
        [.. JsonNode.Parse(await Run(0, "/usr/bin/python3", ["-c", JsonOfYaml], input: yaml))!.AsArray().OfType<JsonObject>()];

    public static void RequiresYaml() => Requires.That(Find("docker-compose") is not null && File.Exists("/usr/bin/python3"), "docker-compose is not installed, with which Debian brings what reads YAML.");
}
