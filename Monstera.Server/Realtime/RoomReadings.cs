using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Feeds;

namespace Monstera.Server.Realtime;

/// <summary>Who wants to know what of a room.</summary>
/// <param name="Feed">Held by who asks since before it asked.</param>
/// <param name="After">Its cursor; null: it wants no events.</param>
/// <param name="BytesMax">Of events.</param>
internal sealed record RoomQuestion(UserId User, RoomFeed Feed, long? After, int BytesMax);

/// <summary>What was read of a room for some who asked.</summary>
/// <param name="Standing">Null: there is no such room, or none of them is a member.</param>
/// <param name="Events">Consecutive events up to <see cref="RoomStanding.Head"/> at most, from wherever the one furthest behind stood who is not too far behind. Maybe none.</param>
internal sealed record RoomReading(RoomStanding? Standing, IReadOnlyList<RoomEvent> Events);

/// <summary>
/// Reads what connections need to resume in a room. When a node dies, hundreds come back to the same room at once: one question to the storage tells which of them are members, and
/// the events come from the feed's tail, or from one reading of the log for all of them.
/// </summary>
/// <remarks>
/// Membership is asked of the storage every time, after the question came: cursors are invented easily, and what a feed has heard of leavings may be older than what is committed.
/// </remarks>
internal sealed class RoomReadings
{
    /// <summary>Who is further behind reads alone.</summary>
    public const int EventsMax = Resumption.EventsPerRoomMax;

    public const int BytesMax = 262_144;
    private const int QuestionsMax = 500;

    private readonly IRoomStore _store;
    private readonly SharedReads<(TenantId Tenant, RoomId Room), RoomQuestion, RoomReading> _shared;

    public RoomReadings(IRoomStore store)
    {
        _store = store;
        _shared = new SharedReads<(TenantId, RoomId), RoomQuestion, RoomReading>(QuestionsMax, (room, questions) => Read(room.Item1, room.Item2, questions));
    }

    public Task<RoomReading> Read(TenantId tenant, RoomId room, RoomQuestion question) => _shared.Read((tenant, room), question);

    /// <summary>The log after a cursor, for one alone; membership is checked at the same instant.</summary>
    public async Task<RoomReading> ReadLog(TenantId tenant, RoomId room, RoomQuestion question)
    {
        // Without a cursor: only where the log stands.
        LogPage? page = await _store.ReadAfter(
            tenant, room, question.User, question.After ?? long.MaxValue - 1, EventsMax, Math.Max(1, question.BytesMax), CancellationToken.None);
        return page is null
            ? new RoomReading(null, [])
            : new RoomReading(new RoomStanding(page.Epoch, page.Head, new HashSet<UserId> { question.User }), page.Events);
    }

    private async Task<RoomReading> Read(TenantId tenant, RoomId room, IReadOnlyList<RoomQuestion> questions)
    {
        // 1. One alone, and the tail will not do: the log, at once.
        if (questions is [var only] && !only.Feed.Reaches(only.After ?? only.Feed.Head))
        {
            return await ReadLog(tenant, room, only);
        }

        // 2. Where the log stands, and who is a member.
        HashSet<UserId> users = [.. questions.Select(question => question.User)];
        if (await _store.FindMembers(tenant, room, users, CancellationToken.None) is not { } standing)
        {
            return new RoomReading(null, []);
        }

        // 3. The events, if some of those who are not too far behind find them in no tail.
        long[] behind =
        [
            .. questions
                .Where(question => question.After < standing.Head && question.After >= standing.Head - EventsMax && standing.Members.Contains(question.User))
                .Where(question => !(question.Feed.Reaches(question.After!.Value) && question.Feed.Reaches(standing.Head)))
                .Select(question => question.After!.Value),
        ];
        if (behind.Length == 0)
        {
            return new RoomReading(standing, []);
        }

        LogPage? page = await _store.ReadAfter(tenant, room, null, behind.Min(), EventsMax, BytesMax, CancellationToken.None);
        return new RoomReading(standing, page?.Epoch == standing.Epoch ? [.. page.Events.TakeWhile(e => e.Seq <= standing.Head)] : []);
    }
}
