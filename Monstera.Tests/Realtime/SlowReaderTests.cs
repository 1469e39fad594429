using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Realtime;

/// <summary>One who does not read is nobody's trouble but his own: the others get everything, and the server's memory does not grow.</summary>
public sealed class SlowReaderTests
{
    private const int Readers = 49;
    private const int Messages = 6_000;
    private const int TextChars = 500;

    private static readonly (string, string)[] NoLimits =
    [
        ("Limits:WritesPerSecondPerConnection", "0"),
        ("Limits:WritesPerSecondPerUser", "0"),
        ("Limits:CallsPerSecondPerConnection", "0"),
        ("Limits:ConnectionsPerUser", "1000"),
    ];

    [Fact]
    public async Task A_frozen_reader_is_not_noticed_by_the_others_and_catches_up_when_it_thaws()
    {
        // The collector keeps its leisure small, or it would let garbage grow to the size of the processor's cache.
        await using ServerProcess server = await ServerProcess.Start([.. NoLimits, ("Realtime:SendTimeoutSeconds", "300"), ("DOTNET_GCgen0size", "0x800000")]);
        await using ChatClient writer = await Client(server, "writer");
        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        List<(ChatClient Client, RoomLog Log)> readers = [];
        for (int i = 0; i < Readers; i++)
        {
            ChatClient client = await Client(server, $"reader{i % 7}");
            readers.Add((client, client.Follow(room)));
        }

        Gate frozen = new();
        bool freeze = false;
        await using ChatClient slow = await Client(
            server, "slow", new HubSocketOptions { ReceiveBufferBytes = 4_096, BeforeRead = _ => Volatile.Read(ref freeze) ? new ValueTask(frozen.Pass()) : default });
        RoomLog slowLog = slow.Follow(room);
        await slow.Changed.Until(() => slowLog.Live, "the slow reader to be live");
        await Flood(writer, room, 1_000);
        long settled = server.WorkingSetBytes;

        Volatile.Write(ref freeze, true);
        long last = await Flood(writer, room, Messages);
        foreach ((ChatClient client, RoomLog log) in readers)
        {
            await client.Reach(log, last);
            Assert.Empty(client.Faults);
            Assert.Equal(Enumerable.Range(1, (int)last).Select(seq => (long)seq), log.Events.Select(e => e.Seq));
        }

        // The backlog of the frozen one lags in the log and nowhere else. What moves is the collector's leisure, the pools of buffers and the database's cache; the benchmark
        // slow-reader looks closer, with hundreds of thousands of events.
        Assert.True(slowLog.Last < last, "The reader was not frozen.");
        Assert.True(slow.Hub.IsOpen);
        long grown = server.WorkingSetBytes - settled;
        Assert.True(grown < 128 * 1024 * 1024, $"The server grew by {grown / 1024 / 1024} MB.");

        Volatile.Write(ref freeze, false);
        frozen.Open();
        await slow.Reach(slowLog, last);
        Assert.True(slowLog.Gaps > 0, "It was not told of the gap.");
        Assert.Empty(slow.Faults);
        LogsAreEqual(readers[0].Log, slowLog);
        await DisposeAll(readers.Select(reader => reader.Client));
    }

    [Fact]
    public async Task A_frozen_reader_is_cut_after_the_send_timeout_and_its_room_chats_on()
    {
        await using ServerProcess server = await ServerProcess.Start([.. NoLimits, ("Realtime:SendTimeoutSeconds", "2")]);
        await using ChatClient writer = await Client(server, "writer");
        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        Gate frozen = new();
        bool freeze = false;
        await using HubSocket slow = await HubSocket.Connect(server.Address, Tokens.For("slow", "general"), new HubSocketOptions
        {
            ReceiveBufferBytes = 4_096, BeforeRead = _ => Volatile.Read(ref freeze) ? new ValueTask(frozen.Pass()) : default,
        });
        await slow.Hello();
        await slow.Resume(room);
        RoomLog log = writer.Follow(room);
        Volatile.Write(ref freeze, true);

        // Its own presence is how the others learn that it is gone.
        await writer.Hub.Call("Open", new { room });
        long last = 0;
        await Signal.Poll(
            () =>
            {
                last = Flood(writer, room, 200).GetAwaiter().GetResult();
                return writer.Signals.Any(signal => signal.GetRawText().Contains("offline", StringComparison.Ordinal));
            },
            "the frozen reader to be cut");
        await writer.Reach(log, last);
        frozen.Open();
        await slow.Closed.WaitAsync(Signal.Patience);
    }

    [Fact]
    public async Task A_slow_reader_ends_with_the_whole_log_in_order()
    {
        await using ServerProcess server = await ServerProcess.Start([.. NoLimits, ("Realtime:SendTimeoutSeconds", "60")]);
        await using ChatClient writer = await Client(server, "writer");
        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        RoomLog whole = writer.Follow(room);
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(20), TimeProvider.System);
        bool slowly = true;
        await using ChatClient slow = await Client(server, "slow", new HubSocketOptions
        {
            ReceiveBufferBytes = 4_096,
            ReadBytes = 2_048,
            BeforeRead = async _ =>
            {
                if (Volatile.Read(ref slowly))
                {
                    await timer.WaitForNextTickAsync();
                }
            },
        });
        RoomLog log = slow.Follow(room);
        long last = await Flood(writer, room, 1_500);
        await writer.Reach(whole, last);
        Assert.True(log.Last < last, "The reader was not slow.");

        // Slow for a while, with more to come, and then at the speed of the machine, so that the test ends.
        long some = log.Last + 50;
        await slow.Reach(log, some);
        last = await Flood(writer, room, 500);
        Volatile.Write(ref slowly, false);
        await slow.Reach(log, last);
        await writer.Reach(whole, last);
        LogsAreEqual(whole, log);
        Assert.Empty(slow.Faults);
    }

    [Fact]
    public async Task Who_calls_and_never_reads_the_answers_is_not_read_either()
    {
        await using ServerProcess server = await ServerProcess.Start([.. NoLimits, ("Realtime:SendTimeoutSeconds", "300")]);
        await using ChatClient writer = await Client(server, "writer");
        Guid room = Tokens.RoomOf(writer.Tenant, "general");
        await Flood(writer, room, 400);
        Gate frozen = new();
        bool freeze = false;
        await using HubSocket greedy = await HubSocket.Connect(server.Address, Tokens.For("greedy", "general"), new HubSocketOptions
        {
            ReceiveBufferBytes = 4_096, BeforeRead = _ => Volatile.Read(ref freeze) ? new ValueTask(frozen.Pass()) : default,
        });
        await greedy.Hello();
        await greedy.Resume(room, 0);
        long settled = server.WorkingSetBytes;
        Volatile.Write(ref freeze, true);

        // Each answer is a quarter of a megabyte: 3,000 of them are more than 600 MB.
        Task<JsonElement>[] calls = [.. Enumerable.Range(0, 3_000).Select(_ => greedy.Start("Resume", new { rooms = new[] { new { room, seq = 0 } } }))];
        RoomLog log = writer.Follow(room);
        for (long begun = TimeProvider.System.GetTimestamp(); TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromSeconds(6);)
        {
            await writer.Reach(log, await Flood(writer, room, 20));
        }

        long grown = server.WorkingSetBytes - settled;
        Assert.True(grown < 128 * 1024 * 1024, $"The server grew by {grown / 1024 / 1024} MB.");
        Volatile.Write(ref freeze, false);
        frozen.Open();
        await Task.WhenAll(calls[..100]).WaitAsync(Signal.Patience);
        Assert.Empty(greedy.Strays);
    }

    private static async Task<ChatClient> Client(ServerProcess server, string user, HubSocketOptions? options = null)
    {
        ChatClient client = new(() => server.Address, () => Tokens.For(user, "general"), options);
        await client.Start();
        return client;
    }

    /// <returns>The last seq.</returns>
    private static async Task<long> Flood(ChatClient writer, Guid room, int messages)
    {
        string text = new('x', TextChars);
        JsonElement[] answers = await Task.WhenAll(Enumerable.Range(0, messages).Select(i => writer.Send(room, text)));
        return answers.Max(answer => answer.Seq());
    }

    private static void LogsAreEqual(RoomLog one, RoomLog two) => Faults.LogCheck.Same(one, two);

    private static async Task DisposeAll(IEnumerable<ChatClient> clients) => await Task.WhenAll(clients.Select(client => client.DisposeAsync().AsTask()));
}
