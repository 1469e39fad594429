using System.Text.Json.Nodes;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>
/// Builds the Dockerfile with the real buildah where the base images cannot be had: each is an empty one that sees this machine's programs, and npm, dotnet and apt-get are stand-ins that leave behind what
/// the real ones would. So the stages, what is copied from where to where with which owner, and the image's settings are real; what the programs do is proved by the other tests.
/// </summary>
internal sealed class Buildah : IAsyncDisposable
{
    private static readonly string[] ShownFolders = ["/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc/alternatives", "/var/lib/dpkg"];

    private static readonly (string Name, string Script)[] StandIns =
    [
        ("npm", "[ \"$1\" = ci ] || { mkdir -p ../Monstera.Server/wwwroot && cat src/main.ts > ../Monstera.Server/wwwroot/index.html; }"),
        ("dotnet", "[ \"$1\" != publish ] || { mkdir -p /out/app && cp -r Monstera.Server/wwwroot /out/app/ && cat Monstera.Data/Monstera.Data.csproj Monstera.Server/Program.cs global.json > /dev/null && echo \"$*\" > /out/app/monstera.dll; }"),
        ("apt-get", "exit 0"),
    ];

    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-buildah-").FullName;
    private readonly string _program;

    private Buildah(string program) => _program = program;

    public static async Task<Buildah> Start()
    {
        string? program = Tool.Find("buildah");
        Requires.That(program is not null, "buildah is not installed.");
        Requires.Root("Building an image");
        Requires.WhereThereIs(File.Exists("/var/lib/dpkg/info/libsqlite3-0:amd64.list") || File.Exists("/var/lib/dpkg/info/libsqlite3-0:arm64.list"), "libsqlite3-0 is not installed.");
        Buildah buildah = new(program!);
        try
        {
            await buildah.MakeBase();
        }
        catch (Xunit.Sdk.XunitException e)
        {
            await buildah.DisposeAsync();
            Requires.WhereThereIs(false, $"buildah may not run programs in images here: {e.Message}");
        }

        return buildah;
    }

    /// <returns>The image's id.</returns>
    public async Task<string> Build(params string[] arguments)
    {
        string[] stages = [.. new[] { "NODE", "SDK", "RUNTIME", "PACKAGES" }.SelectMany(stage => new[] { "--build-arg", $"{stage}_IMAGE=localhost/base" })];
        return await BuildIn(Repository.Root, [.. stages, .. arguments]);
    }

    public async Task<JsonObject> Settings(string image) => JsonNode.Parse(await Run(["inspect", "--type", "image", image]))!["Docker"]!["config"]!.AsObject();

    /// <summary>All files of the image: owner, rights, when it was changed in seconds, name.</summary>
    public async Task<string[]> Files(string image)
    {
        string container = (await Run(["from", image])).Trim();
        string root = (await Run(["mount", container])).Trim();
        return (await Tool.Run(0, "find", [root, "-printf", "%U:%G %m %T@ /%P\n"])).Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (string command in (string[])["rm", "rmi"])
        {
            await Run([command, "--all", .. command == "rmi" ? ["--force"] : Array.Empty<string>()]);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task MakeBase()
    {
        Directory.CreateDirectory(Path.Combine(_folder, "programs"));
        foreach ((string name, string script) in StandIns)
        {
            string file = Path.Combine(_folder, "programs", name);
            await File.WriteAllTextAsync(file, $"#!/bin/sh\nset -e\n{script}\n");
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(file, UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
            }
        }

        string container = (await Run(["from", "scratch"])).Trim();
        string root = (await Run(["mount", container])).Trim();
        Directory.CreateDirectory(Path.Combine(root, "tmp"));
        await Run(["commit", "--quiet", container, "localhost/base"]);

        // Whether programs run in it at all.
        string probe = Path.Combine(_folder, "Probe");
        await File.WriteAllTextAsync(probe, "FROM localhost/base\nRUN npm ci\n");
        await BuildIn(Path.Combine(_folder, "programs"), ["--file", probe]);
    }

    private async Task<string> BuildIn(string folder, string[] arguments)
    {
        string[] shown = [.. ShownFolders.Where(Path.Exists).SelectMany(path => new[] { "--volume", $"{path}:{path}:ro" }), "--volume", $"{_folder}/programs:/usr/local/bin:ro"];
        string output = await Run(["build", "--isolation", "chroot", "--format", "docker", "--quiet", .. shown, .. arguments, folder]);
        return output.Trim().Split('\n')[^1];
    }

    private Task<string> Run(string[] arguments) =>
        Tool.Run(0, _program, ["--root", $"{_folder}/storage", "--runroot", $"{_folder}/run", "--storage-driver", "vfs", .. arguments]);
}
