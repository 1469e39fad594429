using Microsoft.Extensions.DependencyInjection;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Tests.Clients;

/// <summary>The real store, with places where a test can hold a call or have it fail.</summary>
public sealed class GatedRoomStore(IRoomStore inner) : IRoomStore
{
    private int _logReads;
    private int _standingReads;

    /// <summary>Before a batch is taken.</summary>
    public Func<IReadOnlyList<Draft>, Task>? BeforeAppend { get; set; }

    /// <summary>A batch is durable, and nobody knows yet.</summary>
    public Func<IReadOnlyList<Draft>, Task>? AfterAppend { get; set; }

    /// <summary>Before heads are read.</summary>
    public Func<Task>? BeforeReadHeads { get; set; }

    /// <summary>What is told instead of the heads that were read.</summary>
    public Func<RoomHead, RoomHead>? ChangeHead { get; set; }

    /// <summary>Of which rooms heads are read.</summary>
    public Action<IReadOnlyCollection<RoomId>>? ReadingHeads { get; set; }

    /// <summary>A log, or where it stands, was read, and whoever asked for it does not have it yet.</summary>
    public Func<UserId?, Task>? AfterReadAfter { get; set; }

    /// <summary>How often a log was read.</summary>
    public int LogReads => Volatile.Read(ref _logReads);

    /// <summary>How often it was asked where a log stands and who is a member.</summary>
    public int StandingReads => Volatile.Read(ref _standingReads);

    public int Partitions => inner.Partitions;

    public IReadOnlyList<IMembershipOutbox> Outboxes => inner.Outboxes;

    public static void Use(IServiceCollection services) =>
        services.AddSingleton<IRoomStore>(provider => new GatedRoomStore(new SqliteRoomStore(provider.GetRequiredService<SqliteDatabase>())));

    public int PartitionOf(RoomId room) => inner.PartitionOf(room);

    public async ValueTask<IReadOnlyList<AppendOutcome>> Append(IReadOnlyList<Draft> drafts, DateTimeOffset now, CancellationToken cancel)
    {
        await (BeforeAppend?.Invoke(drafts) ?? Task.CompletedTask);
        IReadOnlyList<AppendOutcome> outcomes = await inner.Append(drafts, now, cancel);
        await (AfterAppend?.Invoke(drafts) ?? Task.CompletedTask);
        return outcomes;
    }

    public async ValueTask<LogPage?> ReadAfter(
        TenantId tenant, RoomId room, UserId? reader, long after, int eventsMax, int bytesMax, CancellationToken cancel)
    {
        Interlocked.Increment(ref _logReads);
        LogPage? page = await inner.ReadAfter(tenant, room, reader, after, eventsMax, bytesMax, cancel);
        await (AfterReadAfter?.Invoke(reader) ?? Task.CompletedTask);
        return page;
    }

    public ValueTask<TimelinePage?> ReadTimeline(TenantId tenant, RoomId room, UserId reader, TimelineQuery query, int limit, CancellationToken cancel) =>
        inner.ReadTimeline(tenant, room, reader, query, limit, cancel);

    public ValueTask<TimelineItem?> FindMessage(TenantId tenant, RoomId room, UserId reader, long seq, CancellationToken cancel) =>
        inner.FindMessage(tenant, room, reader, seq, cancel);

    public ValueTask<IReadOnlyList<TimelineItem>?> ReadPins(TenantId tenant, RoomId room, UserId reader, CancellationToken cancel) =>
        inner.ReadPins(tenant, room, reader, cancel);

    public async ValueTask<Gathered<RoomHead>> ReadHeads(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel)
    {
        ReadingHeads?.Invoke(rooms);
        await (BeforeReadHeads?.Invoke() ?? Task.CompletedTask);
        Gathered<RoomHead> heads = await inner.ReadHeads(tenant, rooms, cancel);
        return ChangeHead is null ? heads : heads with { Items = [.. heads.Items.Select(ChangeHead)] };
    }

    public ValueTask<RoomInfo?> FindRoom(TenantId tenant, RoomId room, CancellationToken cancel) => inner.FindRoom(tenant, room, cancel);

    public ValueTask<RoomMember?> FindMember(TenantId tenant, RoomId room, UserId user, CancellationToken cancel) =>
        inner.FindMember(tenant, room, user, cancel);

    public async ValueTask<RoomStanding?> FindMembers(TenantId tenant, RoomId room, IReadOnlyCollection<UserId> users, CancellationToken cancel)
    {
        Interlocked.Increment(ref _standingReads);
        RoomStanding? standing = await inner.FindMembers(tenant, room, users, cancel);
        await (AfterReadAfter?.Invoke(users.First()) ?? Task.CompletedTask);
        return standing;
    }

    public ValueTask<Page<RoomMember>?> ReadMembers(TenantId tenant, RoomId room, UserId reader, string? after, int limit, CancellationToken cancel) =>
        inner.ReadMembers(tenant, room, reader, after, limit, cancel);

    public ValueTask<Gathered<RoomSummary>> Summarize(TenantId tenant, UserId user, IReadOnlyList<ReadMarker> rooms, CancellationToken cancel) =>
        inner.Summarize(tenant, user, rooms, cancel);

    public ValueTask<int?> CountUnread(TenantId tenant, RoomId room, UserId user, long readSeq, CancellationToken cancel) =>
        inner.CountUnread(tenant, room, user, readSeq, cancel);

    public ValueTask<PublicRoomPage> ReadPublicRooms(TenantId tenant, UserId user, string? query, string? after, int limit, CancellationToken cancel) =>
        inner.ReadPublicRooms(tenant, user, query, after, limit, cancel);
}

/// <summary>A place where somebody is held until the test lets go.</summary>
public sealed class Gate
{
    private readonly TaskCompletionSource _reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Somebody stands before the gate.</summary>
    public Task Reached => _reached.Task.WaitAsync(Signal.Patience);

    public Task Pass()
    {
        _reached.TrySetResult();
        return _open.Task;
    }

    public void Open() => _open.TrySetResult();
}
