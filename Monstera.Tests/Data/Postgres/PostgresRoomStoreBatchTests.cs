using Monstera.Data;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Npgsql;
using static Monstera.Tests.Data.Postgres.PostgresDesk;

namespace Monstera.Tests.Data.Postgres;

/// <summary>Drafts of a batch are decided in memory: later ones must find what earlier ones did, and what is written is the end of it.</summary>
public sealed class PostgresRoomStoreBatchTests : IDisposable
{
    private readonly PostgresStorage _storage = new();

    public void Dispose() => _storage.Dispose();

    private async Task<IReadOnlyList<AppendOutcome>> Append(params Draft[] drafts) => await _storage.Rooms.Append(drafts, Now, Cancel);

    private static Pin Pin(long target, bool on = true) => new(target, on) { Tenant = Tenant, Room = Room(1), Sender = Ann };

    private static DeleteMessage Delete(long target) => new(target) { Tenant = Tenant, Room = Room(1), Sender = Ann };

    private static React React(long target, string emoji, bool on = true) => new(target, emoji, on) { Tenant = Tenant, Room = Room(1), Sender = Ann };

    private static ChangeRole Change(UserId user, RoomRole role) => new(user, role) { Tenant = Tenant, Room = Room(1), Sender = Ann };

    [Fact]
    public async Task A_pin_that_goes_with_its_message_makes_room_for_another()
    {
        await Append(Create(Room(1)));
        await Append([.. Enumerable.Range(0, RoomLimits.PinsMax + 2).Select(i => Send(Room(1), $"{i}"))]);
        await Append([.. Enumerable.Range(3, RoomLimits.PinsMax).Select(seq => Pin(seq))]);
        IReadOnlyList<AppendOutcome> outcomes = await Append(Pin(103), Delete(3), Pin(103), Pin(104), Pin(4, on: false), Pin(104));
        Assert.Equal(
            [RefusalCode.Conflict, null, null, RefusalCode.Conflict, null, null], outcomes.Select(o => o.Refusal?.Code));
        Assert.Equal([104, 103, 102], (await _storage.Rooms.ReadPins(Tenant, Room(1), Ann, Cancel))!.Take(3).Select(p => p.Event.Seq));
    }

    [Fact]
    public async Task Owners_are_counted_as_the_batch_changes_them()
    {
        await Append(Create(Room(1), Bob));
        IReadOnlyList<AppendOutcome> outcomes = await Append(
            Change(Ann, RoomRole.Member), Change(Bob, RoomRole.Owner), Change(Bob, RoomRole.Member), Change(Ann, RoomRole.Member), Change(Bob, RoomRole.Owner),
            Change(Ann, RoomRole.Member));
        Assert.Equal(
            [RefusalCode.Conflict, null, null, RefusalCode.Conflict, null, null], outcomes.Select(o => o.Refusal?.Code));
        Assert.Equal(RoomRole.Owner, (await _storage.Rooms.FindMember(Tenant, Room(1), Bob, Cancel))!.Role);
        Assert.Equal(RoomRole.Member, (await _storage.Rooms.FindMember(Tenant, Room(1), Ann, Cancel))!.Role);
    }

    [Fact]
    public async Task Emoji_are_counted_as_the_batch_changes_them()
    {
        await Append(Create(Room(1)), Send(Room(1), "a"));
        Draft[] all = [.. Enumerable.Range(0, RoomLimits.EmojiPerMessageMax).Select(i => React(3, $"e{i}"))];
        IReadOnlyList<AppendOutcome> outcomes = await Append([.. all, React(3, "more"), React(3, "e0", on: false), React(3, "more"), React(3, "e1"), React(3, "e0")]);
        Assert.Equal(
            [RefusalCode.Conflict, null, null, null, RefusalCode.Conflict], outcomes.Skip(all.Length).Select(o => o.Refusal?.Code));
        Assert.Equal((outcomes[1].Seq, Now, 0), (outcomes[^2].Seq, outcomes[^2].At, outcomes[^2].Events.Count));
        TimelineItem item = (await _storage.Rooms.FindMessage(Tenant, Room(1), Ann, 3, Cancel))!;
        Assert.Equal([.. Enumerable.Range(1, RoomLimits.EmojiPerMessageMax - 1).Select(i => $"e{i}"), "more"], item.Reactions.Select(r => r.Emoji));
    }

    [Fact]
    public async Task A_message_that_comes_and_goes_in_one_batch_leaves_its_place_and_nothing_else()
    {
        IReadOnlyList<AppendOutcome> outcomes = await Append(
            Create(Room(1)), Send(Room(1), "secret", 1), new EditMessage(3, "secret!") { Tenant = Tenant, Room = Room(1), Sender = Ann }, React(3, "👍"), Pin(3), Delete(3),
            Send(Room(1), "secret", 1));
        Assert.Equal("secret", outcomes[1].Events[0].Text);
        Assert.Equal((3, 0), (outcomes[^1].Seq, outcomes[^1].Events.Count));
        IReadOnlyList<RoomEvent> log = await _storage.Rooms.Log(Room(1));
        Assert.Equal([null, null, null, null, null, null, null], log.Select(e => e.Text));
        TimelineItem item = (await _storage.Rooms.FindMessage(Tenant, Room(1), Ann, 3, Cancel))!;
        Assert.Equal((true, 7, false, 0), (item.Event.Deleted, item.Rev, item.Pinned, item.Reactions.Count));
        await using NpgsqlConnection all = await Open(PostgresServer.Shared.SuperuserConnection(_storage.Name));
        Assert.Equal(0, await all.Scalar<long>("SELECT (SELECT count(*) FROM rooms.reaction) + (SELECT count(*) FROM rooms.reaction_emoji)"));

        // It never was in the table, not even as a dead row.
        _storage.Database.Dispose();
        await all.UntilAlone();
        Assert.Equal(0, await all.Scalar<long>("SELECT n_tup_upd FROM pg_stat_user_tables WHERE schemaname = 'rooms' AND relname = 'event'"));
    }

    /// <summary>The connection is lost while the commit is under way. The store cannot know what became of it, and a message without a client id would be there twice.</summary>
    [Fact]
    public async Task A_commit_without_an_answer_is_not_tried_again()
    {
        await Append(Create(Room(1)));
        PostgresServer.Execute(
            PostgresServer.Shared.SuperuserConnection(_storage.Name),
            "CREATE SEQUENCE public.commits",
            """
            CREATE FUNCTION public.cut_the_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS
            $$ BEGIN IF nextval('public.commits') = 1 THEN PERFORM pg_terminate_backend(pg_backend_pid()); END IF; RETURN NULL; END $$
            """,
            "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON rooms.event DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.cut_the_first()");
        await Assert.ThrowsAsync<StorageUnavailableException>(() => Append(Send(Room(1), "a")));
        Assert.Equal(3, (await Append(Send(Room(1), "a")))[0].Seq);
    }
}
