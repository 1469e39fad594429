using System.Collections.Concurrent;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Nodes;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Backplane;

/// <summary>What every backplane is held to.</summary>
public abstract class BackplaneContract
{
    private static readonly TenantId Tenant = new(Guid.NewGuid());

    /// <summary>Another node on the same wire.</summary>
    protected abstract IBackplane NewNode();

    /// <summary>Cuts what joins the nodes, or mends it.</summary>
    protected abstract void SetCut(bool cut);

    [Fact]
    public async Task What_is_published_reaches_every_other_node_once_and_never_the_publisher()
    {
        (IBackplane Node, ConcurrentQueue<CommittedEvents> Got, Signal Changed)[] nodes = [.. Enumerable.Range(0, 3).Select(_ => Listening())];
        CommittedEvents events = Events(1, 3);

        nodes[0].Node.Publish(events);

        foreach ((_, ConcurrentQueue<CommittedEvents> got, Signal changed) in nodes[1..])
        {
            await changed.Until(() => !got.IsEmpty, "the events");
            CommittedEvents arrived = Assert.Single(got);
            Assert.Equal((events.Tenant, events.Room, events.Epoch), (arrived.Tenant, arrived.Room, arrived.Epoch));
            Assert.Equal(events.Events, arrived.Events);
        }

        Assert.Empty(nodes[0].Got);
    }

    [Fact]
    public async Task Every_kind_of_event_arrives_unchanged()
    {
        (IBackplane _, ConcurrentQueue<CommittedEvents> got, Signal changed) = Listening();
        IBackplane publisher = NewNode();
        RoomId room = new(Guid.NewGuid());
        RoomEvent[] events = [.. Enum.GetValues<EventType>().Select((type, i) => new RoomEvent
        {
            Room = room, Seq = i + 1, Type = type, Sender = new UserId(Guid.NewGuid()), At = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123 + i),
            ClientId = new ClientId(Guid.NewGuid()), Target = 4, User = new UserId(Guid.NewGuid()), Role = RoomRole.Moderator, Text = "おはよう 👍🏽 \u2028 \"<&",
            ReplyTo = 2, Emoji = "👍", Kind = RoomKind.Private, Name = "name", Topic = "topic", Deleted = i % 2 == 0,
        })];

        publisher.Publish(new CommittedEvents(Tenant, room, 7, events));

        await changed.Until(() => !got.IsEmpty, "the events");
        Assert.Equal(events, got.Single().Events);
        Assert.Equal(7, got.Single().Epoch);
    }

    [Fact]
    public async Task What_is_published_while_it_is_cut_is_lost_and_the_return_is_told()
    {
        (IBackplane far, ConcurrentQueue<CommittedEvents> got, Signal changed) = Listening();
        IBackplane node = NewNode();
        bool[] restored = new bool[2];
        node.Missed += partition => Restored(0, partition);
        far.Missed += partition => Restored(1, partition);

        SetCut(true);
        await Signal.Poll(() => node.IsAway && far.IsAway, "the cut to be noticed");
        node.Publish(Events(1, 1));
        SetCut(false);
        await changed.Until(() => Volatile.Read(ref restored[0]) && Volatile.Read(ref restored[1]), "the return to be told");
        Assert.False(node.IsAway);
        node.Publish(Events(2, 2));
        await changed.Until(() => !got.IsEmpty, "the events");

        Assert.Equal(2, Assert.Single(got).Events[0].Seq);

        void Restored(int which, int? partition)
        {
            Volatile.Write(ref restored[which], Volatile.Read(ref restored[which]) || partition is null);
            changed.Pulse();
        }
    }

    [Fact]
    public async Task What_is_told_reaches_every_other_node_unchanged_and_never_the_teller()
    {
        (TenantId tenant, UserId user, RoomId room) = (Tenant, new UserId(Guid.NewGuid()), new RoomId(Guid.NewGuid()));
        NodeSignal[] signals =
        [
            new TypingSignal(tenant, room, user), new ReadSignal(tenant, user, room, (1L << 53) - 1, 1_000), new RoomsSignal(tenant, user),
            new SessionEndedSignal(new SessionId(Guid.NewGuid())), new UserSignal(tenant, user), new TenantSignal(tenant),
        ];
        (IBackplane Node, ConcurrentQueue<NodeSignal> Heard, Signal Changed)[] nodes = [.. Enumerable.Range(0, 3).Select(_ => Hearing(room))];

        foreach (NodeSignal signal in signals)
        {
            nodes[0].Node.Tell(signal);
        }

        foreach ((_, ConcurrentQueue<NodeSignal> heard, Signal changed) in nodes[1..])
        {
            await changed.Until(() => heard.Count >= signals.Length, "the signals");
            Assert.Equal(signals.ToHashSet(), heard.ToHashSet());
        }

        Assert.Empty(nodes[0].Heard);
    }

    [Fact]
    public void Publishing_alone_does_nothing()
    {
        IBackplane node = NewNode();
        node.Publish(Events(1, 2));
        SetCut(true);
        node.Publish(Events(3, 4));
    }

    private static CommittedEvents Events(long from, long to)
    {
        RoomId room = new(Guid.NewGuid());
        List<RoomEvent> events = [];
        for (long seq = from; seq <= to; seq++)
        {
            events.Add(new RoomEvent
            {
                Room = room, Seq = seq, Type = EventType.MessageCreated, Sender = new UserId(Guid.NewGuid()), At = DateTimeOffset.UnixEpoch, Text = $"{seq}",
            });
        }

        return new CommittedEvents(Tenant, room, 1, events);
    }

    private (IBackplane Node, ConcurrentQueue<NodeSignal> Heard, Signal Changed) Hearing(RoomId room)
    {
        IBackplane node = NewNode();
        ConcurrentQueue<NodeSignal> heard = new();
        Signal changed = new();
        node.Told += signal =>
        {
            heard.Enqueue(signal);
            changed.Pulse();
        };
        node.Listen(BackplanePartition.Of(room));
        return (node, heard, changed);
    }

    private (IBackplane Node, ConcurrentQueue<CommittedEvents> Got, Signal Changed) Listening()
    {
        IBackplane node = NewNode();
        ConcurrentQueue<CommittedEvents> got = new();
        Signal changed = new();
        node.Received += events =>
        {
            got.Enqueue(events);
            changed.Pulse();
        };
        return (node, got, changed);
    }
}

public sealed class MemoryBackplaneTests : BackplaneContract
{
    private readonly MemoryBackplaneWire _wire = new();

    [Fact]
    public void Who_has_left_gets_nothing()
    {
        MemoryBackplane gone = new(_wire);
        int got = 0;
        gone.Received += _ => got++;
        gone.Dispose();
        NewNode().Publish(new CommittedEvents(new TenantId(Guid.NewGuid()), new RoomId(Guid.NewGuid()), 1, []));

        Assert.Equal(0, got);
    }

    protected override IBackplane NewNode() => new MemoryBackplane(_wire);

    protected override void SetCut(bool cut) => _wire.SetCut(cut);
}
