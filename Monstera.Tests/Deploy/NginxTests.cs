using System.Text.Json;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Deploy;

/// <summary>The real nginx with the shipped configuration before two real nodes.</summary>
public sealed class NginxTests
{
    private const string Key = "general";

    [Fact]
    public async Task All_transports_work_and_a_node_that_goes_is_left()
    {
        await using TwoProcesses nodes = await Balancer.StartNodes();
        await using Balancer balancer = await Balancer.StartNginx(nodes);
        await using ChatClient writer = new(() => balancer.Address, () => Tokens.For("writer", Key));
        await writer.Start();
        Guid room = Tokens.RoomOf(writer.Tenant, Key);
        RoomLog log = writer.Follow(room);
        foreach (FallbackTransport transport in Enum.GetValues<FallbackTransport>())
        {
            HashSet<string> seen = [];
            for (int i = 0; i < 40 && seen.Count < 2; i++)
            {
                await using FallbackHub hub = await FallbackHub.Connect(balancer.Address, Tokens.For($"{transport}", Key), transport);
                seen.Add((await hub.Call("Hello", new { protocol = 1 })).GetProperty("server").GetProperty("node").GetString()!);
                Assert.Contains("monstera_node=", hub.CookiesText, StringComparison.Ordinal);
                await hub.Call("Resume", new { rooms = new[] { new { room } } });
                string text = $"{transport} {i}";
                Assert.True((await hub.Call("Send", new { room, clientId = Guid.NewGuid(), text })).Seq() > 0);
                await hub.Changed.Until(() => hub.Received.Any(message => message.Argument.GetRawText().Contains(text, StringComparison.Ordinal)), text);
            }

            Assert.Equal(2, seen.Count);
        }

        string going = writer.Node!;
        Task<(int ExitCode, TimeSpan Took)> stopping = nodes[going].Terminate();
        await writer.Changed.Until(() => writer.Moves == 1 && writer.Connections == 2, "the writer to move");
        Assert.Equal(0, (await stopping).ExitCode);
        Assert.Equal(TwoProcesses.OtherThan(going), writer.Node);
        JsonElement answer = await writer.Send(room, "on the one that stays");
        await writer.Reach(log, answer.Seq());
        Assert.Empty(writer.Faults);
        await Signal.Poll(() => balancer.Output.Contains("/hub", StringComparison.Ordinal), "the log");
        Assert.DoesNotContain("access_token", balancer.Output, StringComparison.Ordinal);
    }
}
