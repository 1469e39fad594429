using System.Collections.Concurrent;
using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults;

/// <summary>The server dies at a bad moment. What it acknowledged is there when it is back, once and in order; what it did not is settled by sending again.</summary>
public sealed class KillTests
{
    private const int Writers = 4;
    private const int Rooms = 3;
    private const int Rounds = 5;
    private const int MessagesARound = 400;

    private static readonly (string, string)[] NoLimits =
    [
        ("Limits:WritesPerSecondPerConnection", "0"),
        ("Limits:WritesPerSecondPerUser", "0"),
        ("Limits:CallsPerSecondPerConnection", "0"),
    ];

    private static readonly string[] Keys = [.. Enumerable.Range(0, Rooms).Select(i => $"room{i}")];

    private readonly ConcurrentQueue<Acknowledged>[] _acknowledged = [.. Enumerable.Range(0, Rooms).Select(_ => new ConcurrentQueue<Acknowledged>())];
    private readonly int[] _sent = new int[Writers];

    [Fact]
    public async Task Killed_again_and_again_under_load_it_loses_repeats_and_reorders_nothing()
    {
        Random random = new(20_261_121);
        await using ServerProcess server = await ServerProcess.Start(NoLimits);
        ChatClient[] clients = [.. Enumerable.Range(0, Writers).Select(i => new ChatClient(() => server.Address, () => Tokens.For($"writer{i}", Keys)))];
        foreach (ChatClient client in clients)
        {
            await client.Start();
        }

        Guid[] rooms = [.. Keys.Select(key => Tokens.RoomOf(clients[0].Tenant, key))];
        RoomLog[][] views = [.. clients.Select(client => rooms.Select(room => client.Follow(room)).ToArray())];
        long[] targets = new long[Rooms];
        for (int i = 0; i < Rooms; i++)
        {
            targets[i] = (await clients[0].Send(rooms[i], "a message that is edited and reacted to")).Seq();
        }

        for (int round = 0; round < Rounds; round++)
        {
            Task[] sending = [.. clients.Select((client, writer) => Task.Run(() => Write(client, writer, rooms, targets)))];
            int acknowledgedBefore = _acknowledged.Sum(queue => queue.Count);
            int enough = random.Next(20, Writers * MessagesARound * 3 / 4);
            await Signal.Poll(() => _acknowledged.Sum(queue => queue.Count) - acknowledgedBefore >= enough, "acknowledgements");
            await server.Kill9();
            await server.Restart();
            await Task.WhenAll(sending);
            foreach (ChatClient client in clients)
            {
                await client.Settled();
            }
        }

        await CheckAll(server, clients, rooms, views);
        foreach (ChatClient client in clients)
        {
            Assert.True(client.Connections > Rounds / 2, "The writers hardly noticed: nothing was proven.");
            await client.DisposeAsync();
        }
    }

    [Theory]
    [InlineData("/hub")]
    [InlineData("/HUB")]
    public async Task Told_to_stop_it_answers_what_is_under_way_and_ends_well_and_soon(string path)
    {
        Requires.Unix("SIGTERM");
        await using ServerProcess server = await ServerProcess.Start(NoLimits);
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("aoi", "general"), new HubSocketOptions { Path = path });
        Guid room = Tokens.RoomOf((await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid(), "general");
        Dictionary<Guid, Task<JsonElement>> sends = [];
        for (int i = 0; i < 2_000; i++)
        {
            Guid clientId = Guid.NewGuid();
            sends.Add(clientId, hub.Start("Send", new { room, clientId, text = $"0:{i}" }));
        }

        await sends.First().Value;
        (int exitCode, TimeSpan took) = await server.Terminate();

        Assert.Equal(0, exitCode);
        Assert.InRange(took, TimeSpan.Zero, TimeSpan.FromSeconds(10));
        await hub.Closed.WaitAsync(Signal.Patience);
        Guid[] acknowledged = [.. sends.Where(send => send.Value.IsCompletedSuccessfully && send.Value.Result.Code() is null).Select(send => send.Key)];
        await server.Restart();
        RoomLog log = await LogCheck.Read(server.Address, Tokens.For("aoi", "general"), room);
        LogCheck.KeepsOrder(log);
        HashSet<Guid> stored = [.. log.Events.Where(e => e.ClientId is not null).Select(e => e.ClientId!.Value)];
        Assert.Subset(stored, acknowledged.ToHashSet());
        Assert.Empty(stored.Except(acknowledged));
    }

    [Fact]
    public async Task Another_server_on_the_same_folder_is_refused()
    {
        await using ServerProcess server = await ServerProcess.Start();

        (int exitCode, string error) = await ServerProcess.Fail(server.Folder);

        Assert.Equal(1, exitCode);
        Assert.Contains(server.Folder, error, StringComparison.Ordinal);
        Assert.Contains("in use", error, StringComparison.Ordinal);
        AssertOneLine(error);
        await using HubSocket hub = await HubSocket.Connect(server.Address, Tokens.For("aoi"));
        await hub.Hello();
    }

    internal static void AssertOneLine(string error)
    {
        Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.StartsWith("monstera: ", error, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
    }

    private async Task Write(ChatClient client, int writer, Guid[] rooms, long[] targets)
    {
        List<Task> answers = [];
        for (int i = 0; i < MessagesARound; i++)
        {
            int to = i % rooms.Length;
            string text = $"{writer}:{_sent[writer]++}";
            answers.Add(Note(client, to, client.Send(rooms[to], text), text));
            if (i % 10 == 0)
            {
                answers.Add(client.Write("React", rooms[to], ("seq", targets[to]), ("emoji", $"e{writer}"), ("on", i % 20 == 0)));
                answers.Add(client.Write("Edit", rooms[to], ("seq", targets[to]), ("text", $"edit {text}")));
            }
        }

        await Task.WhenAll(answers).WaitAsync(TimeSpan.FromSeconds(60));
    }

    private async Task Note(ChatClient client, int room, Task<JsonElement> send, string text)
    {
        JsonElement answer = await send;
        _acknowledged[room].Enqueue(new Acknowledged(client.User, text, answer.Seq()));
    }

    private async Task CheckAll(ServerProcess server, ChatClient[] clients, Guid[] rooms, RoomLog[][] views)
    {
        int total = 0;
        for (int i = 0; i < rooms.Length; i++)
        {
            RoomLog log = await LogCheck.Read(server.Address, Tokens.For("writer0", Keys), rooms[i]);
            LogCheck.KeepsOrder(log);
            LogCheck.Holds(log, _acknowledged[i]);
            total += _acknowledged[i].Count;
            for (int writer = 0; writer < clients.Length; writer++)
            {
                await clients[writer].Reach(views[writer][i], log.Last);
                LogCheck.Same(log, views[writer][i]);
                Assert.Empty(clients[writer].Faults);
            }
        }

        Assert.Equal(Writers * Rounds * MessagesARound, total);
    }
}
