using System.Collections.Concurrent;
using System.Net.WebSockets;
using System.Text.Json;
using Monstera.Server.Errors;
using Monstera.Tests.Clients;
using Monstera.Tests.Faults;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Fuzz;

/// <summary>Garbage of every kind, from several connections at once, in the room itself: every call is answered once or the connection closes, and a pair that chats there does not notice.</summary>
public sealed class GarbageTests
{
    private const int Attackers = 6;
    private static readonly TimeSpan Lasts = TimeSpan.FromSeconds(8);
    private static readonly string[] Codes = [.. Enum.GetValues<ErrorCode>().Select(ErrorTable.NameOf)];

    private readonly ConcurrentQueue<string> _faults = new();
    private int _calls;
    private int _closed;

    [Fact]
    public async Task Garbage_beside_a_conversation_changes_nothing()
    {
        await using RunningServer server = await LiveServer.Start(("Limits:ConnectionsPerUser", "1000"));
        await using ChatClient aoi = await server.Client("aoi", ["general"]);
        await using ChatClient beni = await server.Client("beni", ["general"]);
        Guid room = Tokens.RoomOf(aoi.Tenant, "general");
        RoomLog[] logs = [aoi.Follow(room), beni.Follow(room)];
        long begun = TimeProvider.System.GetTimestamp();

        Task[] attacks = [.. Enumerable.Range(0, Attackers).Select(seed => Task.Run(() => Attack(server.Uri(), room, seed, begun)))];
        List<Acknowledged> acknowledged = [];
        for (int i = 0; !attacks.All(attack => attack.IsCompleted); i++)
        {
            ChatClient writer = i % 2 == 0 ? aoi : beni;
            string text = $"{i % 2}:{i}";
            acknowledged.Add(new Acknowledged(writer.User, text, (await writer.Send(room, text).WaitAsync(Signal.Patience)).Seq()));
        }

        await Task.WhenAll(attacks);
        Assert.True(_faults.IsEmpty, string.Join('\n', _faults.Take(20)));
        Assert.True(_calls > 500 && _closed > 10, $"{_calls} calls and {_closed} closed connections prove little.");
        await aoi.Reach(logs[0], acknowledged[^1].Seq);
        await beni.Reach(logs[1], acknowledged[^1].Seq);
        Assert.Equal((1, 1), (aoi.Connections, beni.Connections));
        Assert.Empty(aoi.Faults);
        Assert.Empty(beni.Faults);
        RoomLog log = await LogCheck.Read(server.Uri(), Tokens.For("aoi", "general"), room);
        foreach (Acknowledged one in acknowledged)
        {
            Assert.Equal((one.Text, one.Sender), (log.Events[(int)one.Seq - 1].Text, log.Events[(int)one.Seq - 1].Sender));
        }

        server.AssertNoErrors();
    }

    private async Task Attack(Uri server, Guid room, int seed, long begun)
    {
        Random random = new(seed);
        Garbage garbage = new(random, room);
        while (TimeProvider.System.GetElapsedTime(begun) < Lasts)
        {
            bool shakesHands = random.Next(10) > 0;
            await using HubSocket hub = await HubSocket.Connect(
                server, Tokens.For($"attacker{seed}", "general"), new HubSocketOptions { Handshake = shakesHands, Path = random.Next(2) == 0 ? "/hub" : "/HUB" });
            if (shakesHands && random.Next(10) > 0)
            {
                await hub.Hello();
            }

            for (int i = 0; i < 60 && hub.IsOpen && TimeProvider.System.GetElapsedTime(begun) < Lasts; i++)
            {
                // What is thrown rather than called may close the connection, and then there is less to call.
                await (random.Next(20) > 0 ? CallWith(hub, garbage, seed) : Throw(hub, random, garbage));
            }

            Interlocked.Add(ref _closed, hub.IsOpen ? 0 : 1);
            foreach (string stray in hub.Strays.Where(stray => !stray.Contains("\"x\"", StringComparison.Ordinal)))
            {
                // (x is the id of what was thrown.)
                _faults.Enqueue($"seed {seed}: an answer too many {stray}");
            }
        }
    }

    /// <summary>A call that is well formed as a call: it is answered, with a code of the set or a result, or the connection closes.</summary>
    private async Task CallWith(HubSocket hub, Garbage garbage, int seed)
    {
        string id = hub.NextId();
        Task<JsonElement> answer = hub.Expect(id);
        string frame = garbage.Call(id);
        hub.SendFrame(frame);
        try
        {
            JsonElement got = await answer.WaitAsync(Signal.Patience);
            if (got.Code() is { } code && (!Codes.Contains(code, StringComparer.Ordinal) || code == "internal"))
            {
                _faults.Enqueue($"seed {seed}: {code} for {Shortened(frame)}");
            }
        }
        catch (ConnectionLostException)
        {
            // So may it end.
        }
        catch (Exception e)
        {
            _faults.Enqueue($"seed {seed}: {e.Message} for {Shortened(frame)}");
        }

        Interlocked.Increment(ref _calls);
    }

    private static Task Throw(HubSocket hub, Random random, Garbage garbage)
    {
        byte[] bytes = garbage.Bytes();
        WebSocketMessageType type = random.Next(5) == 0 ? WebSocketMessageType.Binary : WebSocketMessageType.Text;
        int most = random.Next(3) > 0 ? bytes.Length : 40;
        for (int i = 0; i < bytes.Length;)
        {
            int length = Math.Min(random.Next(1, most + 1), bytes.Length - i);
            hub.SendRaw(bytes.AsMemory(i, length), type, endOfMessage: i + length == bytes.Length);
            i += length;
        }

        // An unfinished message would swallow the next call.
        hub.SendRaw("\u001e"u8.ToArray());
        return Task.CompletedTask;
    }

    private static string Shortened(string frame) => frame.Length > 300 ? frame[..300] + "…" : frame;
}
