using System.Text.Json.Nodes;
using static Monstera.Tests.Deploy.Kubernetes;

namespace Monstera.Tests.Deploy;

/// <summary>The overlays of the phases, as kubectl renders them.</summary>
public sealed class KubernetesTests
{
    public static TheoryData<string> Overlays => ["phase1", "phase2", "phase3", "phase4"];

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Nodes_may_do_little_are_asked_how_they_are_and_have_time_to_drain(string phase)
    {
        JsonObject deployment = (await Render("overlays/" + phase)).The("Deployment");
        AssertConfined(deployment);
        JsonNode container = Container(deployment);
        Assert.Equal("/healthz/ready", (string?)container["readinessProbe"]!["httpGet"]!["path"]);
        Assert.Equal("/healthz/live", (string?)container["livenessProbe"]!["httpGet"]!["path"]);
        Assert.Equal("/healthz/live", (string?)container["startupProbe"]!["httpGet"]!["path"]);
        Assert.Equal([8080, 9464], container["ports"]!.AsArray().Select(port => (int)port!["containerPort"]!));

        // Settling, draining, and what the server waits for afterwards.
        Dictionary<string, string> environment = (await Render("overlays/" + phase)).Environment(deployment);
        int drains = int.Parse(environment.GetValueOrDefault("Monstera__Lifecycle__SettleSeconds", "3"), System.Globalization.CultureInfo.InvariantCulture)
            + int.Parse(environment.GetValueOrDefault("Monstera__Lifecycle__DrainSeconds", "10"), System.Globalization.CultureInfo.InvariantCulture);
        Assert.True((int)Pod(deployment)["terminationGracePeriodSeconds"]! >= drains + 20);
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task The_server_would_start_with_its_settings_and_with_the_keys_of_the_secret_that_the_overlay_names(string phase)
    {
        Kubernetes rendered = await Render("overlays/" + phase);
        string comment = Fixtures.Repository.Read("deploy", "kubernetes", "overlays", phase, "kustomization.yaml");
        JsonObject deployment = rendered.The("Deployment");
        DeployedSettings.AssertStarts(rendered.Environment(deployment), path =>
        {
            Assert.StartsWith("/run/secrets/monstera/", path, StringComparison.Ordinal);
            Assert.Contains(Container(deployment)["volumeMounts"]!.AsArray(), mount => (string?)mount!["mountPath"] == "/run/secrets/monstera" && (string?)mount["name"] == "secrets");
            Assert.Contains(Path.GetFileName(path), comment, StringComparison.Ordinal);
            return DeployedSettings.Imagined(path);
        });
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Everything_finds_what_it_is_for(string phase)
    {
        Kubernetes rendered = await Render("overlays/" + phase);
        JsonObject deployment = rendered.The("Deployment");
        Assert.True(Selects(deployment["spec"]!["selector"]!["matchLabels"], deployment));
        Assert.Equal(2, rendered.OfKind("Service").Count());
        Assert.All(rendered.OfKind("Service"), service => Assert.True(Selects(service["spec"]!["selector"], deployment)));
        Assert.All(
            rendered.OfKind("Service").SelectMany(service => service["spec"]!["ports"]!.AsArray()),
            port => Assert.Contains(Container(deployment)["ports"]!.AsArray(), of => (string?)of!["name"] == (string?)port!["targetPort"]));

        JsonNode backend = rendered.The("Ingress")["spec"]!["rules"]![0]!["http"]!["paths"]![0]!["backend"]!["service"]!;
        Assert.Equal(("monstera", "http"), ((string?)backend["name"], (string?)backend["port"]!["name"]));
        Assert.NotNull(rendered.The("Ingress")["metadata"]!["annotations"]!["haproxy.org/cookie-persistence"]);
        Assert.Equal("cookie", (string?)rendered.The("Ingress")["metadata"]!["annotations"]!["nginx.ingress.kubernetes.io/affinity"]);
        Assert.NotNull(rendered.The("Ingress")["spec"]!["tls"]);

        JsonObject metrics = rendered.The("Service", "monstera-metrics");
        JsonNode monitor = rendered.The("ServiceMonitor")["spec"]!;
        Assert.All(monitor["selector"]!["matchLabels"]!.AsObject(), label => Assert.Equal((string?)label.Value, (string?)metrics["metadata"]!["labels"]![label.Key]));
        Assert.Equal((string?)metrics["spec"]!["ports"]![0]!["name"], (string?)monitor["endpoints"]![0]!["port"]);
        Assert.Equal("monstera", (string?)metrics["metadata"]!["labels"]![(string)monitor["jobLabel"]!]);
        Assert.DoesNotContain(rendered.The("Service")["metadata"]!["labels"]!.AsObject(), label => label.Key == "monstera/port");
        Assert.NotNull(rendered.The("ServiceAccount"));
    }

    [Theory]
    [MemberData(nameof(Overlays))]
    public async Task Only_the_way_in_reaches_the_nodes_and_they_reach_only_what_they_need(string phase)
    {
        Kubernetes rendered = await Render("overlays/" + phase);
        JsonNode policy = rendered.The("NetworkPolicy")["spec"]!;
        Assert.True(Selects(policy["podSelector"]!["matchLabels"], rendered.The("Deployment")));
        Assert.Equal(["Ingress", "Egress"], policy["policyTypes"]!.AsArray().Select(type => (string?)type));
        Assert.Equal(["http", "metrics"], policy["ingress"]!.AsArray().Select(rule => rule!["ports"]![0]!["port"]!.ToString()));
        Assert.All(policy["ingress"]!.AsArray(), rule => Assert.NotNull(rule!["from"]![0]!["namespaceSelector"]));

        // The label of ours must not have come into the way to others.
        JsonNode dns = policy["egress"]![0]!["to"]![0]!["podSelector"]!["matchLabels"]!;
        Assert.Equal("k8s-app", Assert.Single(dns.AsObject()).Key);
        int[] ports = [53, 53, 4317, 4318, .. phase == "phase1" ? [] : (int[])[5432, 6432, 6379, 26379]];
        Assert.Equal(ports, policy["egress"]!.AsArray().SelectMany(rule => rule!["ports"]!.AsArray()).Select(port => (int)port!["port"]!));
    }

    [Fact]
    public async Task One_node_keeps_its_data_on_a_volume_and_never_runs_twice()
    {
        Kubernetes rendered = await Render("overlays/phase1");
        JsonNode spec = rendered.The("Deployment")["spec"]!;
        Assert.Equal(("Recreate", 1), ((string?)spec["strategy"]!["type"], (int)spec["replicas"]!));
        string claim = (string)Assert.Single(Pod(rendered.The("Deployment"))["volumes"]!.AsArray(), volume => (string?)volume!["name"] == "data")!["persistentVolumeClaim"]!["claimName"]!;
        Assert.Equal("ReadWriteOncePod", (string?)Assert.Single(rendered.The("PersistentVolumeClaim", claim)["spec"]!["accessModes"]!.AsArray()));
        Assert.Contains(Container(rendered.The("Deployment"))["volumeMounts"]!.AsArray(), mount => (string?)mount!["mountPath"] == "/data");
        Assert.Empty(rendered.OfKind("HorizontalPodAutoscaler").Concat(rendered.OfKind("PodDisruptionBudget")));
    }

    [Theory]
    [InlineData("phase2", 2, 2)]
    [InlineData("phase3", 3, 10)]
    [InlineData("phase4", 4, 20)]
    public async Task Several_nodes_are_rolled_one_by_one_spread_out_and_never_taken_away_together(string phase, int min, int max)
    {
        Kubernetes rendered = await Render("overlays/" + phase);
        JsonObject deployment = rendered.The("Deployment");
        JsonNode spec = deployment["spec"]!;
        Assert.Equal((0, 1), ((int)spec["strategy"]!["rollingUpdate"]!["maxUnavailable"]!, (int)spec["strategy"]!["rollingUpdate"]!["maxSurge"]!));
        JsonArray spread = Pod(deployment)["topologySpreadConstraints"]!.AsArray();
        Assert.Equal(["kubernetes.io/hostname", "topology.kubernetes.io/zone"], spread.Select(one => (string?)one!["topologyKey"]));
        Assert.All(spread, one => Assert.True(Selects(one!["labelSelector"]!["matchLabels"], deployment)));
        JsonObject budget = rendered.The("PodDisruptionBudget");
        Assert.True(Selects(budget["spec"]!["selector"]!["matchLabels"], deployment));
        Assert.Equal(1, (int)budget["spec"]!["maxUnavailable"]!);

        if (min == max)
        {
            Assert.Equal(min, (int)spec["replicas"]!);
            Assert.Empty(rendered.OfKind("HorizontalPodAutoscaler"));
            return;
        }

        // Else each apply would set it back.
        Assert.Null(spec["replicas"]);
        AssertScales(rendered.The("HorizontalPodAutoscaler"), "monstera", min, max);
    }

    [Fact]
    public async Task The_databases_are_made_by_a_job_that_alone_knows_the_administrator()
    {
        Kubernetes rendered = await Render("database");
        JsonObject job = rendered.The("Job", "monstera-database");
        AssertConfined(job);
        Assert.Equal(["database", "create"], Container(job)["args"]!.AsArray().Select(word => (string?)word));
        Assert.Equal("monstera-database", (string?)Container(job)["envFrom"]![0]!["secretRef"]!["name"]);
        foreach (string phase in (string[])["phase2", "phase3", "phase4"])
        {
            Kubernetes nodes = await Render("overlays/" + phase);
            Assert.DoesNotContain(nodes.Environment(nodes.The("Deployment")).Keys, name => name.Contains("Admin", StringComparison.Ordinal) || name.Contains("Owners", StringComparison.Ordinal));
            Assert.DoesNotContain("monstera-database", nodes.The("Deployment").ToJsonString(), StringComparison.Ordinal);
        }
    }

    /// <summary>Whoever makes backups has the rights of the owners, which nodes have not; nodes see what was made, to tell how old it is.</summary>
    [Theory]
    [InlineData("phase2")]
    [InlineData("phase3")]
    [InlineData("phase4")]
    public async Task A_job_makes_backups_each_day_into_the_folder_that_nodes_look_into(string phase)
    {
        Kubernetes rendered = await Render("overlays/" + phase);
        JsonObject schedule = rendered.The("CronJob", "monstera-backup");
        Assert.Equal(("Etc/UTC", "Forbid"), ((string?)schedule["spec"]!["timeZone"], (string?)schedule["spec"]!["concurrencyPolicy"]));
        JsonObject job = schedule["spec"]!["jobTemplate"]!.AsObject();
        AssertConfined(job);
        Assert.Equal("backup", (string?)Container(job)["args"]![0]);
        Assert.Equal("monstera-backup", (string?)Container(job)["envFrom"]![0]!["secretRef"]!["name"]);
        JsonObject nodes = rendered.The("Deployment");
        Assert.Null(job["spec"]!["template"]!["metadata"]?["labels"]);
        Assert.Equal("/backups", rendered.Environment(nodes)["Monstera__Backups__Folder"]);
        foreach ((JsonObject workload, bool readOnly) in new[] { (job, false), (nodes, true) })
        {
            JsonNode mount = Assert.Single(Container(workload)["volumeMounts"]!.AsArray(), mount => (string?)mount!["mountPath"] == "/backups")!;
            Assert.Equal(readOnly, (bool?)mount["readOnly"] ?? false);
            Assert.Equal("monstera-backups", (string?)Pod(workload)["volumes"]!.AsArray().Single(volume => (string?)volume!["name"] == (string?)mount["name"])!["persistentVolumeClaim"]!["claimName"]);
        }

        Assert.Equal("ReadWriteMany", (string?)rendered.The("PersistentVolumeClaim", "monstera-backups")["spec"]!["accessModes"]![0]);
        Assert.DoesNotContain("monstera-backup\"", nodes.ToJsonString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task With_one_node_backups_are_made_beside_it_in_its_pod()
    {
        Kubernetes rendered = await Render("overlays/phase1");
        JsonObject deployment = rendered.The("Deployment");
        JsonNode beside = Pod(deployment)["containers"]!.AsArray().Single(container => (string?)container!["name"] == "backup")!;
        Assert.Equal(["backup", "--daily-at"], beside["args"]!.AsArray().Take(2).Select(word => (string?)word));
        Assert.Equal((string?)Container(deployment)["image"], (string?)beside["image"]);
        AssertConfined(deployment);
        Assert.Equal(["/backups", "/data", "/tmp"], beside["volumeMounts"]!.AsArray().Select(mount => (string)mount!["mountPath"]!).Order(StringComparer.Ordinal));
        Assert.True((bool)Container(deployment)["volumeMounts"]!.AsArray().Single(mount => (string?)mount!["mountPath"] == "/backups")!["readOnly"]!);
        Assert.Equal("/backups", rendered.Environment(deployment)["Monstera__Backups__Folder"]);
        Assert.NotNull(rendered.The("PersistentVolumeClaim", "monstera-backups"));
    }

    /// <summary>kubectl reads it into Kubernetes' own types and writes it again: a field that is misspelt, or in the wrong place, is gone.</summary>
    [Theory]
    [InlineData("overlays/phase1", "Deployment")]
    [InlineData("overlays/phase4", "Deployment")]
    [InlineData("overlays/phase4", "CronJob")]
    [InlineData("database", "Job")]
    public async Task Kubernetes_knows_every_field_of_what_runs(string folder, string kind)
    {
        JsonObject workload = Assert.Single((await Render(folder)).OfKind(kind));
        string known = await Tool.Run(0, await Kubectl(), ["set", "env", "--local", "--filename=-", "--output=json", "NOBODY=asks"], input: workload.ToJsonString());
        Assert.Empty(Lost(workload, JsonNode.Parse(known), ""));
        JsonObject makesPods = kind == "CronJob" ? workload["spec"]!["jobTemplate"]!.AsObject() : workload;
        Container(makesPods)["readinesProbe"] = new JsonObject();
        known = await Tool.Run(0, await Kubectl(), ["set", "env", "--local", "--filename=-", "--output=json", "NOBODY=asks"], input: workload.ToJsonString());
        Assert.Equal((kind == "CronJob" ? "/spec/jobTemplate" : "") + "/spec/template/spec/containers/0/readinesProbe", Assert.Single(Lost(workload, JsonNode.Parse(known), "")));
    }

    /// <summary>The metric that it asks for is given by the adapter's rule of the same name.</summary>
    internal static void AssertScales(JsonObject scaler, string target, int min, int max)
    {
        JsonNode spec = scaler["spec"]!;
        Assert.Equal((target, min, max), ((string?)spec["scaleTargetRef"]!["name"], (int)spec["minReplicas"]!, (int)spec["maxReplicas"]!));
        string metric = (string)spec["metrics"]![0]!["pods"]!["metric"]!["name"]!;
        Assert.Equal("websocket_active_connections", metric);
        Assert.Contains($"as: {metric}", Fixtures.Repository.Read("deploy", "kubernetes", "prometheus-adapter.yaml"), StringComparison.Ordinal);
        Assert.Equal("cpu", (string?)spec["metrics"]![1]!["resource"]!["name"]);
        Assert.True((int)spec["behavior"]!["scaleDown"]!["stabilizationWindowSeconds"]! >= 300);
    }

    private static IEnumerable<string> Lost(JsonNode? given, JsonNode? known, string path) => given switch
    {
        JsonObject fields => fields.SelectMany(field => known is JsonObject there && there.ContainsKey(field.Key) ? Lost(field.Value, there[field.Key], $"{path}/{field.Key}") : [$"{path}/{field.Key}"]),
        JsonArray items => items.SelectMany((item, index) => known is JsonArray there && index < there.Count ? Lost(item, there[index], $"{path}/{index}") : [$"{path}/{index}"]),
        _ => [],
    };

    private static void AssertConfined(JsonObject workload)
    {
        JsonNode pod = Pod(workload);
        Assert.False((bool)pod["automountServiceAccountToken"]!);
        Assert.True((bool)pod["securityContext"]!["runAsNonRoot"]!);
        Assert.Equal(1654, (int)pod["securityContext"]!["runAsUser"]!);
        Assert.Equal("RuntimeDefault", (string?)pod["securityContext"]!["seccompProfile"]!["type"]);
        HashSet<string> volumes = [.. pod["volumes"]!.AsArray().Select(volume => (string)volume!["name"]!)];
        foreach (JsonNode container in pod["containers"]!.AsArray().Select(one => one!))
        {
            Assert.True((bool)container["securityContext"]!["readOnlyRootFilesystem"]!);
            Assert.False((bool)container["securityContext"]!["allowPrivilegeEscalation"]!);
            Assert.Equal("ALL", (string?)Assert.Single(container["securityContext"]!["capabilities"]!["drop"]!.AsArray()));
            Assert.All((string[])["cpu", "memory"], resource => Assert.NotNull(container["resources"]!["requests"]![resource]));
            Assert.NotNull(container["resources"]!["limits"]!["memory"]);
            Assert.Contains(container["volumeMounts"]!.AsArray(), mount => (string?)mount!["mountPath"] == "/tmp");
            Assert.Matches("^registry\\.example\\.org/monstera:[0-9]+\\.[0-9]+\\.[0-9]+$", (string)container["image"]!);
            Assert.All(container["volumeMounts"]!.AsArray(), mount => Assert.Contains((string)mount!["name"]!, volumes));
        }
    }
}
