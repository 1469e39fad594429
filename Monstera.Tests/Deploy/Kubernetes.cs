using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Deploy;

/// <summary>What kubectl makes of the folders in deploy/kubernetes.</summary>
internal sealed partial class Kubernetes
{
    private Kubernetes(IReadOnlyList<JsonObject> objects) => Objects = objects;

    public IReadOnlyList<JsonObject> Objects { get; }

    public static async Task<Kubernetes> Render(string folder) => await Read(await Tool.Run(0, await Kubectl(), ["kustomize", Tool.Shipped("kubernetes", folder)]));

    public static async Task<Kubernetes> Read(string yaml)
    {
        Tool.RequiresYaml();
        return new Kubernetes(await Tool.ReadYaml(yaml));
    }

    /// <summary>kubectl, with a kustomize that knows components. Debian's own is of 2020 and does not.</summary>
    public static async Task<string> Kubectl()
    {
        string? kubectl = Tool.Find("kubectl");
        Requires.WhereThereIs(kubectl is not null, "kubectl is not installed.");
        Match version = Version().Match(await Tool.Run(0, kubectl!, ["version", "--client", "--output=json"]));
        Requires.WhereThereIs(version.Success && int.Parse(version.Groups["minor"].Value, System.Globalization.CultureInfo.InvariantCulture) >= 27, "kubectl is older than 1.27.");
        return kubectl!;
    }

    public IEnumerable<JsonObject> OfKind(string kind) => Objects.Where(one => (string?)one["kind"] == kind);

    public JsonObject The(string kind, string name = "monstera") => Assert.Single(OfKind(kind), one => NameOf(one) == name);

    public static string NameOf(JsonObject one) => (string)one["metadata"]!["name"]!;

    /// <summary>The pods of a Deployment or a Job.</summary>
    public static JsonNode Pod(JsonObject workload) => workload["spec"]!["template"]!["spec"]!;

    /// <summary>The only one, or the node beside another.</summary>
    public static JsonNode Container(JsonObject workload) =>
        Pod(workload)["containers"]!.AsArray() is { Count: > 1 } several ? Assert.Single(several, one => (string?)one!["name"] == "monstera")! : Assert.Single(Pod(workload)["containers"]!.AsArray())!;

    public static bool Selects(JsonNode? labels, JsonObject workload) =>
        labels is JsonObject { Count: > 0 } wanted && wanted.All(label => (string?)workload["spec"]!["template"]!["metadata"]!["labels"]![label.Key] == (string?)label.Value);

    /// <summary>The environment that the server of a Deployment gets.</summary>
    public Dictionary<string, string> Environment(JsonObject deployment)
    {
        Dictionary<string, string> environment = new(StringComparer.Ordinal);
        foreach (JsonNode? from in Container(deployment)["envFrom"]!.AsArray())
        {
            // A release applies it twice, with both its parts; its name has a hash of what is in it.
            string map = (string)from!["configMapRef"]!["name"]!;
            foreach ((string name, JsonNode? value) in OfKind("ConfigMap").First(one => NameOf(one) == map)["data"]!.AsObject())
            {
                environment.Add(name, (string)value!);
            }
        }

        foreach (JsonNode? variable in Container(deployment)["env"] as JsonArray ?? [])
        {
            environment.Add((string)variable!["name"]!, (string?)variable["value"] ?? "monstera-1");
        }

        return environment;
    }

    [GeneratedRegex("\"gitVersion\": *\"v1\\.(?<minor>[0-9]+)\\.", RegexOptions.ExplicitCapture)]
    private static partial Regex Version();
}
