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
        await using ServerProcess server = await ServerProcess.Start(
        [
            .. NoLimits, .. TwoNodesTraceTests.Tracing(collector.Address, "http/protobuf", "0.5"), ("Limits:WriteBatchMax", "64"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "collector-token=of-the-collector"), ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment=rehearsal"),
        ]);
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

        // A batch has its first traced call's trace.
        Assert.All(batches.Values, batch => Assert.Equal(batch.Links[0], (batch.Trace, batch.Parent)));
        Assert.Empty(collector.Faults);
        Assert.All(collector.Tokens, token => Assert.Equal("of-the-collector", token));
        Assert.All(spans, span => Assert.Equal("rehearsal", span.Resource["deployment.environment"]));
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

    /// <summary>Who may be anybody chooses neither what is traced nor under which id, unless only the operator's own programs call.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_request_goes_by_its_route_and_by_its_callers_trace_where_callers_are_trusted(bool trusts)
    {
        const string callers = "0af7651916cd43dd8448eb211c80319c";
        const string caller = "b7ad6b7169203331";
        await using Collector collector = await Collector.Start();
        await using ServerProcess server = await ServerProcess.Start(
            [.. TwoNodesTraceTests.Tracing(collector.Address, "http/protobuf", "1"), ("Tracing:TrustCallers", trusts ? "true" : "false"), ("Registration", "open")]);
        RestClient person = new(server.Address.ToString().TrimEnd('/'));
        person.SignedIn((await person.Post("/api/setup", new { workspaceName = "W", userName = "owner", displayName = "Owner", password = RestClient.Password, token = true })).IsStatus(201));
        string room = (await person.Get("/api/rooms")).Items[0].GetProperty("id").GetString()!;
        person.Headers["tracestate"] = person.Headers["baggage"] = "vendor=" + Text;
        person.Headers["traceparent"] = $"00-{callers}-{caller}-01";
        (await person.Post($"/api/rooms/{room}/messages", new { clientId = Guid.NewGuid(), text = Text })).IsStatus(200);
        person.Headers["traceparent"] = $"00-{callers}-{caller}-00";
        (await person.Get("/api/me")).IsStatus(200);
        await person.Send(new HttpMethod("INVENTED"), "/api/" + Text);
        await using (HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("writer", Key)))
        {
            await hub.Hello();
            await hub.Call("Send", new { room = Guid.NewGuid(), clientId = Guid.NewGuid(), text = Text });
            await hub.Call("Invented" + Text, new { });
        }

        await server.Terminate();
        CollectedSpan[] spans = [.. collector.Spans];
        CollectedSpan request = Assert.Single(spans, span => span.Name == "POST /api/rooms/{room}/messages");
        Assert.Equal((trusts, trusts ? caller : "", 2UL), (request.Trace == callers, request.Parent, request.Kind));
        Assert.Equal(("POST", "200", false), (request.Attributes["http.request.method"], request.Attributes["http.response.status_code"], request.IsError));
        Assert.Single(spans, span => span.Name == "write queue" && span.Trace == request.Trace && span.Parent == request.Id);
        CollectedSpan batch = Assert.Single(spans, span => span.Name == "write batch" && span.Trace == request.Trace);
        Assert.Equal(request.Id, batch.Parent);
        Assert.Equal(trusts ? 0 : 1, spans.Count(span => span.Name == "GET /api/me"));
        Assert.Equal(trusts ? 0 : 1, spans.Count(span => span.Attributes.GetValueOrDefault("http.request.method") == "_OTHER"));
        CollectedSpan refused = Assert.Single(spans, span => span.Name == "hub Send");
        Assert.Equal((true, "not_found", "Send"), (refused.IsError, refused.Attributes["error.type"], refused.Attributes["rpc.method"]));
        Assert.Equal("unknown_method", Assert.Single(spans, span => span.Name == "hub unknown").Attributes["error.type"]);
        Assert.All(collector.Raw, raw => Assert.DoesNotContain(Text, raw, StringComparison.OrdinalIgnoreCase));
        Assert.Empty(collector.Faults);
    }

    /// <summary>Else a connection whose request is traced would trace everything for as long as it lasts.</summary>
    [Fact]
    public async Task Calls_are_not_traced_because_the_request_that_carries_them_is()
    {
        const string callers = "0af7651916cd43dd8448eb211c80319c";
        await using Collector collector = await Collector.Start();
        await using ServerProcess server = await ServerProcess.Start([.. TwoNodesTraceTests.Tracing(collector.Address, "http/protobuf", "0"), ("Tracing:TrustCallers", "true")]);

        // The first time the room is made, and that belongs to the request.
        await SendMany(server, 1);
        await SendMany(server, 3, new HubSocketOptions { Path = "/HUB", Header = ("traceparent", $"00-{callers}-b7ad6b7169203331-01") });
        await server.Terminate();
        CollectedSpan request = Assert.Single(collector.Spans, span => span.Kind == 2);
        Assert.Equal((callers, "Microsoft.AspNetCore"), (request.Trace, request.Scope));
        Assert.DoesNotContain(collector.Spans, span => span.Scope == "Monstera");
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

    private static async Task SendMany(ServerProcess server, int calls, HubSocketOptions? options = null)
    {
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("writer", Key), options);
        JsonElement hello = await hub.Hello();
        Guid room = Tokens.RoomOf(hello.GetProperty("tenant").GetProperty("id").GetGuid(), Key);
        List<Task<JsonElement>> answers = [];
        foreach (int[] together in Enumerable.Range(0, calls).Chunk(20))
        {
            // What comes together is taken one right after another.
            hub.SendFrame(string.Join('\u001e', together.Select(i =>
            {
                string invocationId = hub.NextId();
                answers.Add(hub.Expect(invocationId));
                object argument = new { room, clientId = Guid.NewGuid(), text = Text + i.ToString(CultureInfo.InvariantCulture) };
                return JsonSerializer.Serialize(new { type = 1, invocationId, target = "Send", arguments = new[] { argument } });
            })));
        }

        JsonElement[] acks = await Task.WhenAll(answers).WaitAsync(Signal.Patience);
        Assert.All(acks, ack => Assert.True(ack.TryGetProperty("seq", out _), ack.ToString()));
    }

    private static Task<string> Maps(ServerProcess server) => File.ReadAllTextAsync($"/proc/{server.Id.ToString(CultureInfo.InvariantCulture)}/maps", TestContext.Current.CancellationToken);
}
