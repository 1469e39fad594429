using System.Globalization;
using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Tracing;

/// <summary>One server as it is shipped: what is sampled, what a collector that is away does to it, and what stands in its logs.</summary>
public sealed class TracedServerTests
{
    private const string Key = "general";
    private const string Text = "nobody-else-reads-this-text";

    private static readonly (string, string)[] NoLimits =
    [
        ("Limits:WritesPerSecondPerConnection", "0"), ("Limits:WritesPerSecondPerUser", "0"), ("Limits:CallsPerSecondPerConnection", "0"),
    ];

    [Fact]
    public async Task Of_many_calls_the_ratio_is_traced_and_calls_that_shared_a_commit_are_linked_with_it()
    {
        const int calls = 400;
        await using Collector collector = await Collector.Start();
        await using ServerProcess server = await ServerProcess.Start([.. NoLimits, .. TwoNodesTraceTests.Tracing(collector.Address, "http/protobuf", "0.5")]);
        await SendMany(server, calls);
        await server.Terminate();

        // What was not sent yet goes out when the server stops.
        CollectedSpan[] spans = [.. collector.Spans];
        CollectedSpan[] traced = [.. spans.Where(span => span.Name == "hub Send")];
        Assert.InRange(traced.Length, 140, 260);
        Dictionary<string, CollectedSpan> batches = spans.Where(span => span.Name == "write batch").ToDictionary(span => span.Id);
        Assert.Contains(batches.Values, batch => batch.Links.Count > 1);
        foreach (CollectedSpan call in traced)
        {
            (_, string id) = Assert.Single(call.Links);
            Assert.Contains((call.Trace, call.Id), batches[id].Links);
            Assert.Single(spans, span => span.Name == "write queue" && span.Parent == call.Id);
        }

        // A batch has its first traced call's trace, and is written to one socket that is watched.
        Assert.All(batches.Values, batch => Assert.Equal(batch.Links[0], (batch.Trace, batch.Parent)));
        Assert.Empty(collector.Faults);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_collector_that_is_away_or_does_not_answer_harms_nobody(bool isSlow)
    {
        await using Collector collector = await Collector.Start(isSlow: isSlow);
        string address = collector.Address;
        if (!isSlow)
        {
            await collector.DisposeAsync();
        }

        await using ServerProcess server = await ServerProcess.Start(
            [.. NoLimits, .. TwoNodesTraceTests.Tracing(address, "http/protobuf", "1"), ("OTEL_BSP_MAX_QUEUE_SIZE", "64"), ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "16")]);
        await SendMany(server, 500);
        if (isSlow)
        {
            await collector.Changed.Until(() => collector.Requests > 0, "the collector was asked");
        }

        (int exitCode, TimeSpan took) = await server.Terminate();
        Assert.Equal(0, exitCode);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Without_an_address_nothing_of_it_is_loaded_and_with_one_it_is()
    {
        await using ServerProcess without = await ServerProcess.Start();
        await SendMany(without, 3);
        Assert.DoesNotContain("OpenTelemetry", await Maps(without), StringComparison.Ordinal);
        await using Collector collector = await Collector.Start();
        await using ServerProcess with = await ServerProcess.Start(("Tracing:Endpoint", collector.Address));
        Assert.Contains("OpenTelemetry", await Maps(with), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Tracing:Endpoint", "collector:4317", "Tracing:Endpoint")]
    [InlineData("Tracing:Endpoint", "http://user:hunter2@collector:4317", "Tracing:Endpoint")]
    [InlineData("Tracing:Protocol", "thrift", "Tracing:Protocol")]
    [InlineData("Tracing:SampleRatio", "1.5", "Tracing:SampleRatio")]
    public async Task Wrong_settings_are_told_by_name(string key, string value, string told)
    {
        (int exitCode, string error) = await ServerProcess.Fail(Path.Combine(Path.GetTempPath(), "monstera-" + Guid.NewGuid().ToString("N")), (key, value));
        Assert.Equal(2, exitCode);
        Assert.Contains(told, error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter2", error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Logs_for_machines_have_the_traces_ids_and_neither_secrets_nor_what_was_written()
    {
        await using Collector collector = await Collector.Start();
        await using ServerProcess server = await ServerProcess.Start(
        [
            .. TwoNodesTraceTests.Tracing(collector.Address, "http/protobuf", "1"), ("Logging:Console:FormatterName", "json"), ("Registration", "open"),
            ("Logging:LogLevel:Microsoft.AspNetCore.Routing.EndpointMiddleware", "Information"), ("Logging:LogLevel:Monstera", "Trace"),
        ]);
        const string invitation = "an-invitation-that-only-one-has";
        RestClient person = new(server.Address.ToString().TrimEnd('/'));
        person.SignedIn((await person.Post("/api/setup", new { workspaceName = "W", userName = "owner", displayName = "Hatsumi", password = RestClient.Password, token = true })).IsStatus(201));
        await person.Get("/api/me");
        await person.Get("/api/join/" + invitation);
        await SendMany(server, 3);
        await server.Terminate();

        string[] lines = [.. server.Output.Split('\n').Where(line => line.Length > 0)];
        List<JsonElement> logged = [.. lines.Select(line => JsonDocument.Parse(line).RootElement)];
        string[] traces = [.. collector.Spans.Select(span => span.Trace)];
        Assert.Contains(logged, line => line.GetProperty("Scopes").EnumerateArray().Any(scope => scope.TryGetProperty("TraceId", out JsonElement id) && traces.Contains(id.GetString())));
        Assert.All(logged, line => Assert.EndsWith("Z", line.GetProperty("Timestamp").GetString(), StringComparison.Ordinal));
        string told = server.Output + string.Concat(collector.Raw);
        foreach (string secret in (string[])[Text, RestClient.Password, person.Token!, invitation, Tokens.Secret, "Hatsumi", "access_token"])
        {
            Assert.DoesNotContain(secret, told, StringComparison.Ordinal);
        }
    }

    private static async Task SendMany(ServerProcess server, int calls)
    {
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("writer", Key));
        JsonElement hello = await hub.Hello();
        Guid room = Tokens.RoomOf(hello.GetProperty("tenant").GetProperty("id").GetGuid(), Key);
        Task<JsonElement>[] answers =
        [
            .. Enumerable.Range(0, calls).Select(i => hub.Start("Send", new { room, clientId = Guid.NewGuid(), text = Text + i.ToString(CultureInfo.InvariantCulture) })),
        ];
        JsonElement[] acks = await Task.WhenAll(answers).WaitAsync(Signal.Patience);
        Assert.All(acks, ack => Assert.True(ack.TryGetProperty("seq", out _), ack.ToString()));
    }

    private static Task<string> Maps(ServerProcess server) => File.ReadAllTextAsync($"/proc/{server.Id.ToString(CultureInfo.InvariantCulture)}/maps", TestContext.Current.CancellationToken);
}
