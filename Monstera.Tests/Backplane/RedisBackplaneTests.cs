using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;
using Monstera.Server.Redis;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Redis;

namespace Monstera.Tests.Backplane;

/// <summary>A node's part of a Redis backplane, with what it heard.</summary>
internal sealed class RedisNode : IDisposable
{
    private readonly ServiceProvider _services = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly BackplaneMeter _meter;
    private readonly MeterListener _listener = new();
    private readonly ConcurrentDictionary<string, long> _counts = [];

    public RedisNode(string connectionString, string prefix, int queueBytesMax = 8_388_608)
    {
        Options.Redis.QueueBytesMax = queueBytesMax;
        Client = RedisServer.NewUnstartedClient(connectionString, prefix);
        _meter = new BackplaneMeter(_services.GetRequiredService<IMeterFactory>(), Client);
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter.Name == BackplaneMeter.Name && instrument.Meter.Scope == _services.GetRequiredService<IMeterFactory>())
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
        {
            _counts.AddOrUpdate(instrument.Name, value, (_, before) => before + value);
            if (tags.ToArray().FirstOrDefault(tag => tag.Key == "reason").Value is { } reason)
            {
                _counts.AddOrUpdate($"{instrument.Name} {reason}", value, (_, before) => before + value);
            }
        });
        _listener.Start();
        Backplane = new RedisBackplane(Client, new Node(Microsoft.Extensions.Options.Options.Create(Options)), _meter, Microsoft.Extensions.Options.Options.Create(Options), TimeProvider.System);
        Backplane.Received += events => Note(Got, events);
        Backplane.Told += signal => Note(Heard, signal);
        Backplane.Missed += partition => Note(Missed, partition ?? All);
        Client.Start();
    }

    public const int All = -1;

    public MonsteraOptions Options { get; } = new();

    public RedisClient Client { get; }

    public RedisBackplane Backplane { get; }

    public ConcurrentQueue<CommittedEvents> Got { get; } = [];

    public ConcurrentQueue<NodeSignal> Heard { get; } = [];

    public ConcurrentQueue<int> Missed { get; } = [];

    public Signal Changed { get; } = new();

    public long Counted(string instrument) => _counts.GetValueOrDefault(instrument);

    /// <summary>Listens, and is sure of it.</summary>
    public async Task Listen(params IEnumerable<int> partitions)
    {
        int[] all = [.. partitions];
        await Changed.Until(() => Missed.Contains(All), "the first connection");
        int[] before = [.. all.Select(partition => Missed.Count(missed => missed == partition))];
        foreach (int partition in all)
        {
            Backplane.Listen(partition);
        }

        await Changed.Until(() => all.Zip(before).All(one => Missed.Count(missed => missed == one.First) > one.Second), "the subscriptions");
    }

    public void Dispose()
    {
        Backplane.Dispose();
        Client.Dispose();
        _listener.Dispose();
        _meter.Dispose();
        _services.Dispose();
    }

    private void Note<T>(ConcurrentQueue<T> to, T item)
    {
        to.Enqueue(item);
        Changed.Pulse();
    }
}

/// <summary>The contract over a real server, whose connections can be cut; and what is particular to Redis.</summary>
public sealed class RedisBackplaneTests : BackplaneContract, IDisposable
{
    private readonly string _prefix = Guid.NewGuid().ToString("N");
    private readonly CuttableWire _wire = new(RedisServer.Shared.Port);
    private readonly List<RedisNode> _nodes = [];

    [Fact]
    public async Task Nobody_hears_of_partitions_that_are_not_listened_to_any_more()
    {
        RedisNode here = await Node(5);
        RedisNode there = await Node(5, 6);
        there.Backplane.Listen(5);
        there.Backplane.Unlisten(5);
        here.Backplane.Publish(Some(5, 1));
        await there.Changed.Until(() => there.Got.Count == 1, "what is still listened to, by one of two");

        there.Backplane.Unlisten(5);
        here.Backplane.Publish(Some(5, 2));
        here.Backplane.Publish(Some(7, 3));
        here.Backplane.Publish(Some(6, 4));
        await there.Changed.Until(() => there.Got.Count >= 2, "what is listened to");
        Assert.Equal([1, 4], there.Got.Select(events => events.Events[0].Seq));

        await there.Listen(5);
        here.Backplane.Publish(Some(5, 5));
        await there.Changed.Until(() => there.Got.Any(events => events.Events[0].Seq == 5), "what is listened to again");
    }

    [Fact]
    public async Task Under_load_many_events_go_in_few_frames_and_all_arrive_in_order()
    {
        RedisNode here = await Node();
        RedisNode there = await Node(9);
        RoomId[] rooms = [.. Enumerable.Range(0, 20).Select(_ => RoomIn(9))];
        const int each = 500;
        for (int seq = 1; seq <= each; seq++)
        {
            foreach (RoomId room in rooms)
            {
                here.Backplane.Publish(Some(room, seq));
            }
        }

        await there.Changed.Until(() => there.Got.Sum(events => events.Events.Count) == each * rooms.Length, "all events");
        foreach (RoomId room in rooms)
        {
            Assert.Equal(
                Enumerable.Range(1, each).Select(seq => (long)seq), there.Got.Where(events => events.Room == room).SelectMany(events => events.Events).Select(e => e.Seq));
        }

        Assert.InRange(here.Counted("backplane_frames"), 1, each * rooms.Length / 10);
        Assert.Equal(each * rooms.Length, here.Counted("backplane_published"));
        Assert.Equal(each * rooms.Length, there.Counted("backplane_received"));
    }

    [Fact]
    public async Task A_batch_larger_than_a_frame_goes_in_several()
    {
        RedisNode here = await Node();
        RedisNode there = await Node(3);
        RoomId room = RoomIn(3);
        CommittedEvents large = new(new TenantId(Guid.NewGuid()), room, 1, [.. Enumerable.Range(1, 200).Select(seq => Some(room, seq, new string('x', 5_000)).Events[0])]);
        here.Backplane.Publish(large);

        await there.Changed.Until(() => there.Got.Sum(events => events.Events.Count) == 200, "all events");
        Assert.Equal(large.Events, there.Got.SelectMany(events => events.Events));
        Assert.InRange(there.Got.Count, 7, 20);
    }

    [Fact]
    public async Task While_Redis_hangs_nobody_waits_and_what_is_too_much_is_dropped_and_counted()
    {
        using RedisServer server = RedisServer.Start();
        using RedisNode here = new(server.ConnectionString, _prefix, queueBytesMax: 200_000);
        await here.Listen(3);
        CommittedEvents one = Some(3, 1);
        server.Freeze();
        long begun = TimeProvider.System.GetTimestamp();
        for (int i = 0; i < 20_000; i++)
        {
            here.Backplane.Publish(one);
        }

        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.Zero, TimeSpan.FromSeconds(2));
        Assert.InRange(here.Counted("backplane_dropped queue"), 15_000, 20_000);
        await Signal.Poll(() => here.Backplane.IsAway, "the silence to be noticed");
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun), TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(8));

        server.Thaw();
        int missed = here.Missed.Count(partition => partition == RedisNode.All);
        await here.Changed.Until(() => here.Missed.Count(partition => partition == RedisNode.All) > missed || !here.Backplane.IsAway, "the return");
        await Signal.Poll(() => here.Counted("backplane_published") + here.Counted("backplane_dropped") == 20_000, "every event to be counted");
    }

    [Fact]
    public async Task A_node_that_alone_was_cut_off_tells_the_others_that_they_lack_something()
    {
        using RedisNode there = new(RedisServer.Shared.ConnectionString, _prefix);
        await there.Listen(3, 4);
        RedisNode here = await Node();
        _wire.SetCut(true);
        await Signal.Poll(() => here.Backplane.IsAway, "the cut to be noticed");
        here.Backplane.Publish(Some(3, 1));
        await Signal.Poll(() => here.Counted("backplane_dropped away") == 1, "the event to be dropped");
        there.Missed.Clear();
        _wire.SetCut(false);

        await there.Changed.Until(() => there.Missed.Contains(3), "a comparison of heads");
        Assert.DoesNotContain(4, there.Missed);
        Assert.False(there.Backplane.IsAway);
    }

    [Fact]
    public async Task When_Redis_is_emptied_or_started_anew_nodes_are_told_and_go_on()
    {
        using RedisServer server = RedisServer.Start();
        using RedisNode here = new(server.ConnectionString, _prefix);
        using RedisNode there = new(server.ConnectionString, _prefix);
        await here.Listen(3);
        await there.Listen(3);
        int[] atFirst = [Restorations(here), Restorations(there)];

        // Again and again: whoever has not read the mark of emptiness yet cannot miss it.
        await Signal.Poll(
            () =>
            {
                server.Command("FLUSHALL");
                return Restorations(here) > atFirst[0] && Restorations(there) > atFirst[1];
            },
            "the first emptiness to be told");
        foreach (Action harm in new Action[] { () => server.Command("FLUSHALL"), server.Restart })
        {
            await Signal.Poll(() => server.Command("DBSIZE") == ":1", "a mark");
            int[] before = [.. new[] { here, there }.Select(Restorations)];
            harm();
            await here.Changed.Until(() => Restorations(here) > before[0], "the return to be told here");
            await there.Changed.Until(() => Restorations(there) > before[1], "the return to be told there");
            there.Got.Clear();
            here.Backplane.Publish(Some(3, 1));
            await there.Changed.Until(() => !there.Got.IsEmpty, "an event afterwards");
        }
    }

    [Fact]
    public async Task A_node_that_Redis_cuts_because_it_reads_too_slowly_is_told_and_hears_on()
    {
        using RedisServer server = RedisServer.Start("--client-output-buffer-limit", "pubsub 1mb 1mb 1");
        using RedisNode here = new(server.ConnectionString, _prefix, queueBytesMax: 100_000_000);
        using RedisNode slow = new(server.ConnectionString, _prefix);
        await here.Listen(3);
        await slow.Listen(3);
        using ManualResetEventSlim go = new();
        slow.Backplane.Received += _ => go.Wait();
        (RoomId room, string text) = (RoomIn(3), new('x', 16_000));
        int before = Restorations(slow);
        await Signal.Poll(
            () =>
            {
                for (int i = 0; i < 50; i++)
                {
                    here.Backplane.Publish(Some(room, 1, text));
                }

                return server.Log.Contains("overcoming of output buffer limits", StringComparison.Ordinal);
            },
            "Redis to cut the slow node");
        go.Set();

        await slow.Changed.Until(() => Restorations(slow) > before, "the return to be told");
        slow.Got.Clear();
        CommittedEvents last = Some(3, 77);
        here.Backplane.Publish(last);
        await slow.Changed.Until(() => slow.Got.Any(events => events.Room == last.Room), "an event afterwards");
    }

    [Fact]
    public async Task Frames_of_a_later_version_make_heads_be_compared_and_garbage_harms_nothing()
    {
        RedisNode here = await Node(3);
        string channel = here.Client.Key("p3", "events");
        byte[] later = [2, .. Guid.NewGuid().ToByteArray(), .. "whatever it is"u8];
        int before = here.Missed.Count(partition => partition == 3);
        Assert.True(await here.Client.PublishAndConfirm(channel, later));
        await here.Changed.Until(() => here.Missed.Count(partition => partition == 3) > before, "a comparison");

        Random random = new(7);
        for (int i = 0; i < 500; i++)
        {
            byte[] garbage = new byte[random.Next(200)];
            random.NextBytes(garbage);
            here.Client.Publish(channel, garbage);
            here.Client.Publish(here.Client.Key("all", "signals"), garbage);
        }

        RedisNode there = await Node();
        there.Backplane.Publish(Some(3, 1));
        await here.Changed.Until(() => !here.Got.IsEmpty, "an event after the garbage");
        Assert.False(here.Backplane.IsAway);
        Assert.True(here.Counted("backplane_skipped_frames") > 500);

        // A room of another partition is not taken from this one.
        byte[] foreign = Frames.Of(Some(4, 9));
        int got = here.Got.Count;
        await here.Listen(4);
        Assert.True(await there.Client.PublishAndConfirm(channel, foreign));
        Assert.True(await there.Client.PublishAndConfirm(here.Client.Key("p4", "events"), foreign));
        await here.Changed.Until(() => here.Got.Count > got, "the event on its own channel");
        Assert.Equal(got + 1, here.Got.Count);
    }

    public void Dispose()
    {
        foreach (RedisNode node in _nodes)
        {
            node.Dispose();
        }

        _wire.Dispose();
    }

    internal static RoomId RoomIn(int partition)
    {
        RoomId room;
        do
        {
            room = new RoomId(Guid.NewGuid());
        }
        while (BackplanePartition.Of(room) != partition);
        return room;
    }

    internal static CommittedEvents Some(int partition, long seq) => Some(RoomIn(partition), seq);

    protected override IBackplane NewNode() => Task.Run(() => Node(Enumerable.Range(0, BackplanePartition.Count))).GetAwaiter().GetResult().Backplane;

    protected override void SetCut(bool cut) => _wire.SetCut(cut);

    private static CommittedEvents Some(RoomId room, long seq, string text = "text") => new(new TenantId(Guid.NewGuid()), room, 1,
    [
        new RoomEvent { Room = room, Seq = seq, Type = EventType.MessageCreated, Sender = new UserId(Guid.NewGuid()), At = DateTimeOffset.UnixEpoch, Text = text },
    ]);

    private static int Restorations(RedisNode node) => node.Missed.Count(partition => partition == RedisNode.All);

    private async Task<RedisNode> Node(params IEnumerable<int> partitions)
    {
        RedisNode node = new($"127.0.0.1:{_wire.Port}", _prefix);
        _nodes.Add(node);
        await node.Listen(partitions);
        return node;
    }
}
