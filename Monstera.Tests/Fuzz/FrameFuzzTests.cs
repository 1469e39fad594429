using System.Collections.Concurrent;
using System.Globalization;
using System.Net.WebSockets;
using System.Text.Json;
using Monstera.Server.Errors;
using Monstera.Server.Wire;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;
using Monstera.Tests.Realtime;

namespace Monstera.Tests.Fuzz;

/// <summary>Throws hostile frames at the hub while two people chat: they must not notice, the process lives, and every call is answered once.</summary>
public sealed class FrameFuzzTests
{
    private const int Seed = 20261121;
    private const int Attackers = 4;
    private const int RoundsOfEach = 60;
    private const int CallsOfRound = 12;
    private const int Messages = 400;

    private static readonly HashSet<string> Codes =
        [.. Enum.GetValues<ErrorCode>().Select(code => JsonSerializer.Serialize(code, WireJson.Options).Trim('"'))];

    [Fact]
    public async Task Hostile_frames_are_answered_with_a_code_and_nobody_else_notices()
    {
        await using RunningServer server = await LiveServer.Start();
        ConcurrentQueue<long> seen = new();
        Signal changed = new();
        await using HubSocket aoi = await server.Connect("aoi", ["quiet"]);
        Guid room = await RoomOf(aoi, "quiet");
        await using HubSocket ren = await server.Connect("ren", ["quiet"], new HubSocketOptions { Received = (target, argument) => Note(target, argument, seen, changed) });
        long head = (await ren.Resume(room)).GetProperty("head").GetInt64();

        Task[] attacks = [.. Enumerable.Range(0, Attackers).Select(i => Attack(server, room, Seed + i))];
        long last = 0;
        for (int i = 0; i < Messages; i++)
        {
            last = (await aoi.Send(room, $"message {i}")).Seq();
        }

        await Task.WhenAll(attacks);
        await changed.Until(() => seen.Count >= last - head, $"ren has all up to {last}, has {seen.Count} after {head}");

        // In order, once, without a hole; nobody got into the room.
        Assert.Equal(Enumerable.Range(1, Messages).Select(i => head + i), seen);
        Assert.True(aoi.IsOpen && ren.IsOpen);
        Assert.Empty(aoi.Strays);
        server.AssertNoErrors();
    }

    private static async Task Attack(RunningServer server, Guid room, int seed)
    {
        HostileFrames frames = new(seed, room);
        string user = string.Create(CultureInfo.InvariantCulture, $"attacker{seed}");
        for (int round = 0; round < RoundsOfEach; round++)
        {
            await using HubSocket hub = round % 3 == 0
                ? await HubSocket.Connect(server.Uri(), Tokens.For(user, ["theirs"]))
                : await server.Connect(user, ["theirs"]);
            List<Task<JsonElement>> answers = [];
            for (int i = 0; i < CallsOfRound; i++)
            {
                string id = hub.NextId();
                answers.Add(hub.Expect(id));
                hub.SendFrame(frames.Call(id));
            }

            foreach (Task<JsonElement> answer in answers)
            {
                AssertAnswer(await answer.WaitAsync(Signal.Patience), seed, round);
            }

            Assert.Empty(hub.Strays);

            // Then what may close the connection, in whole and in pieces, as text and as binary.
            byte[] noise = frames.Noise("noise");
            WebSocketMessageType type = frames.Next(2) == 0 ? WebSocketMessageType.Text : WebSocketMessageType.Binary;
            int cut = frames.Next(noise.Length);
            hub.SendRaw(noise.AsMemory(0, cut), type, endOfMessage: false);
            hub.SendRaw(noise.AsMemory(cut), type);
            hub.SendFrame("""{"type":7}""");
            await hub.Closed.WaitAsync(Signal.Patience);
        }
    }

    private static void AssertAnswer(JsonElement answer, int seed, int round)
    {
        string? code = answer.Code();
        Assert.True(code is null || (Codes.Contains(code) && code != "internal"), $"seed {seed}, round {round}: {answer.GetRawText()}");
    }

    private static async Task<Guid> RoomOf(HubSocket hub, string name) =>
        (await hub.Call("Rooms", new { })).GetProperty("items").EnumerateArray().First(room => room.GetProperty("name").GetString() == name).GetProperty("id").GetGuid();

    private static void Note(string target, JsonElement argument, ConcurrentQueue<long> seen, Signal changed)
    {
        if (target == "Events" && argument.TryGetProperty("events", out JsonElement events))
        {
            foreach (JsonElement e in events.EnumerateArray())
            {
                seen.Enqueue(e.GetProperty("seq").GetInt64());
            }

            changed.Pulse();
        }
    }
}
