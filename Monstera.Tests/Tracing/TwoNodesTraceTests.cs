using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Tracing;

/// <summary>Two servers as they are shipped, joined by Redis, and a collector: what becomes of one message is one trace.</summary>
public sealed class TwoNodesTraceTests
{
    private const string Key = "general";
    private const string Text = "nobody-else-reads-this-text";
    private const string Person = "hatsumi-never-in-a-trace";

    [Theory]
    [InlineData("http/protobuf")]
    [InlineData("grpc")]
    public async Task A_message_is_one_trace_from_the_call_to_the_other_nodes_socket(string protocol)
    {
        await using Collector collector = await Collector.Start(protocol == "grpc");
        await using TwoProcesses nodes = await TwoProcesses.Start(null, Tracing(collector.Address, protocol, "1"));
        await using ChatClient writer = new(() => nodes.First.Address, () => Tokens.For(Person, Key));
        await using ChatClient reader = new(() => nodes.Second.Address, () => Tokens.For("other-" + Person, Key));
        await writer.Start();
        await reader.Start();
        Guid room = Tokens.RoomOf(writer.Tenant, Key);
        RoomLog here = writer.Follow(room);
        RoomLog there = reader.Follow(room);
        await writer.Changed.Until(() => here.Live, "the writer's room");
        await reader.Changed.Until(() => there.Live, "the reader's room");

        JsonElement sent = await writer.Send(room, Text);
        await reader.Reach(there, sent.GetProperty("seq").GetInt64());
        await writer.Reach(here, sent.GetProperty("seq").GetInt64());
        await collector.Until(spans => TraceOf(spans).Count(span => span.Name == "socket write") == 2, "the trace");
        await collector.Until(spans => TraceOf(spans).Count(span => span.Name is "write batch" or "write commit" or "backplane publish" or "feed") == 5, "the whole trace");
        Holds(TraceOf([.. collector.Spans]));
        Assert.Empty(collector.Faults);
        Assert.All(collector.Spans, span => Assert.Equal(("monstera", 1UL, 0, ""), (span.Service, span.Flags & 1, span.Events, span.StatusText)));
        Assert.Contains(collector.Spans, span => span.Scope == "Microsoft.AspNetCore");
        foreach (string raw in collector.Raw)
        {
            foreach (string secret in (string[])[Text, Person, "access_token", "eyJhbGci"])
            {
                Assert.DoesNotContain(secret, raw, StringComparison.Ordinal);
            }
        }
    }

    internal static (string Key, string Value)[] Tracing(string address, string protocol, string ratio) =>
    [
        ("Tracing:Endpoint", address), ("Tracing:Protocol", protocol), ("Tracing:SampleRatio", ratio), ("OTEL_BSP_SCHEDULE_DELAY", "100"),
    ];

    /// <summary>All of the trace of the one message.</summary>
    private static List<CollectedSpan> TraceOf(IReadOnlyCollection<CollectedSpan> spans)
    {
        // Other traces were there before: of Hello, and the members who came by it.
        string? trace = spans.FirstOrDefault(span => span.Name == "hub Send")?.Trace;
        return [.. spans.Where(span => span.Trace == trace)];
    }

    private static void Holds(List<CollectedSpan> trace)
    {
        CollectedSpan One(string name, string node) => Assert.Single(trace, span => span.Name == name && span.Node == node);

        CollectedSpan call = One("hub Send", "node1");
        Assert.Equal(("", 2UL), (call.Parent, call.Kind));
        CollectedSpan queue = One("write queue", "node1");
        Assert.Equal(call.Id, queue.Parent);
        CollectedSpan batch = One("write batch", "node1");
        Assert.Equal(call.Id, batch.Parent);
        Assert.Equal("1", batch.Attributes["monstera.drafts"]);
        Assert.Equal([(call.Trace, call.Id)], batch.Links);
        Assert.Equal([(batch.Trace, batch.Id)], call.Links);
        CollectedSpan commit = One("write commit", "node1");
        Assert.Equal(batch.Id, commit.Parent);
        Assert.Contains(trace, span => span.Scope == "Npgsql" && span.Parent == commit.Id && span.Kind == 3);
        CollectedSpan publish = One("backplane publish", "node1");
        Assert.Equal((batch.Id, 4UL), (publish.Parent, publish.Kind));
        CollectedSpan feedHere = One("feed", "node1");
        Assert.Equal((batch.Id, 1UL), (feedHere.Parent, feedHere.Kind));
        CollectedSpan feedThere = One("feed", "node2");
        Assert.Equal((publish.Id, 5UL), (feedThere.Parent, feedThere.Kind));
        Assert.Equal(feedHere.Id, One("socket write", "node1").Parent);
        Assert.Equal(feedThere.Id, One("socket write", "node2").Parent);
        Assert.True(queue.Begun >= call.Begun && commit.Begun >= batch.Begun && commit.Ended <= batch.Ended);
    }
}
