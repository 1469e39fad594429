using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Feeds;
using Monstera.Server.Nodes;
using Monstera.Server.Rooms;

namespace Monstera.Tests.Feeds;

/// <summary>The write path and the feeds of one node, over a store and a backplane that it shares with others.</summary>
internal sealed class FeedNode : IAsyncDisposable
{
    private readonly MembershipIndex _index;

    public FeedNode(IRoomStore store, SqliteDatabase database, IBackplane backplane, TimeProvider time)
    {
        Store = store;
        IOptions<MonsteraOptions> options = Options.Create(new MonsteraOptions());
        _index = new MembershipIndex(store, new SqliteDirectory(database), time, NullLogger<MembershipIndex>.Instance);
        Writer = new RoomWriter(store, _index, options, time, NullLogger<RoomWriter>.Instance);
        Feeds = new RoomFeeds(store, backplane, Writer, options, time, NullLogger<RoomFeeds>.Instance);
    }

    public IRoomStore Store { get; }

    public RoomWriter Writer { get; }

    public RoomFeeds Feeds { get; }

    public async Task Start()
    {
        await Writer.StartAsync(CancellationToken.None);
        await Feeds.StartAsync(CancellationToken.None);
    }

    public async Task<long> Send(RoomUnderTest room, UserId sender, string text)
    {
        SendMessage draft = new(text) { Tenant = room.Tenant, Room = room.Id, Sender = sender, ClientId = new ClientId(Guid.NewGuid()) };
        var outcome = await Writer.Write(draft);
        Assert.Null(outcome.Error);
        return outcome.Value!.Seq;
    }

    /// <summary>As a connection does that resumes: the feed first, then the log, then the subscription.</summary>
    public async Task<ReadingSubscriber> Subscribe(RoomUnderTest room, UserId user)
    {
        using RoomFeeds.FeedLease lease = Feeds.Acquire(room.Tenant, room.Id);
        LogPage page = (await Store.ReadAfter(room.Tenant, room.Id, user, long.MaxValue - 1, 1, 1, CancellationToken.None))!;
        lease.Feed.Start(page.Epoch, page.Head);
        ReadingSubscriber subscriber = new(lease.Feed, user, page.Head, page.Epoch);
        lease.Feed.Subscribe(subscriber, page.Head);
        return subscriber;
    }

    public async ValueTask DisposeAsync()
    {
        await Feeds.StopAsync(CancellationToken.None);
        await Writer.StopAsync(CancellationToken.None);
        Feeds.Dispose();
        Writer.Dispose();
        _index.Dispose();
    }
}

/// <summary>A room with two members, in a database of its own.</summary>
internal sealed class RoomUnderTest : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("monstera-test-").FullName;

    public RoomUnderTest()
    {
        Database = SqliteDatabase.Open(_folder);
        Store = new SqliteRoomStore(Database);
    }

    public SqliteDatabase Database { get; }

    public IRoomStore Store { get; }

    public TenantId Tenant { get; private set; }

    public RoomId Id { get; } = new(Guid.NewGuid());

    public UserId Aoi { get; } = new(Guid.NewGuid());

    public UserId Beni { get; } = new(Guid.NewGuid());

    public async Task Make()
    {
        Tenant = (await new SqliteDirectory(Database).EnsureTenant("default", DateTimeOffset.UnixEpoch, CancellationToken.None)).Id;
        CreateRoom draft = new(RoomKind.Private, "general", null, [Beni]) { Tenant = Tenant, Room = Id, Sender = Aoi };
        IReadOnlyList<AppendOutcome> made = await Store.Append([draft], DateTimeOffset.UnixEpoch, CancellationToken.None);
        Assert.Null(Assert.Single(made).Refusal);
    }

    public ValueTask DisposeAsync()
    {
        Database.Dispose();
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }
}

/// <summary>A backplane at its worst: it loses, repeats and reorders, by a seed.</summary>
internal sealed class UnrulyBackplane(int seed) : IBackplane
{
    private readonly Lock _gate = new();
    private readonly Random _random = new(seed);
    private readonly List<CommittedEvents> _late = [];

    public UnrulyBackplane? Other { get; set; }

    public event Action<CommittedEvents>? Received;

    public event Action<NodeSignal>? Told;

    public event Action<int?>? Missed;

    public bool IsAway => false;

    public int Lost { get; private set; }

    public void Publish(CommittedEvents events)
    {
        List<CommittedEvents> now = [];
        lock (_gate)
        {
            switch (_random.Next(10))
            {
                case < 3:
                    Lost++;
                    break;
                case < 5:
                    _late.Add(events);
                    break;
                case < 7:
                    now.AddRange([events, events]);
                    break;
                default:
                    now.Add(events);
                    break;
            }

            if (_late.Count > 3)
            {
                CommittedEvents[] late = [.. _late];
                _random.Shuffle(late);
                now.AddRange(late);
                _late.Clear();
            }
        }

        foreach (CommittedEvents some in now)
        {
            Other!.Received?.Invoke(some);
        }
    }

    public void Tell(NodeSignal signal) => Other!.Told?.Invoke(signal);

    public void Listen(int partition)
    {
    }

    public void Unlisten(int partition)
    {
    }

    public void Restore() => Missed?.Invoke(null);

    public void Miss(int? partition) => Missed?.Invoke(partition);
}
