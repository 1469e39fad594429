using System.Globalization;
using System.Text;

namespace Monstera.Tests.Faults.Suite;

/// <summary>A suite that finds nothing proves something only if it would have: each thing that a server could do wrong to a log is done here, and is found.</summary>
public sealed class CheckerTests
{
    private const int Room = 3;
    private static readonly Guid[] Users = [Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid()];

    [Fact]
    public void What_a_good_server_does_is_nothing_to_complain_of() => Assert.Empty(Checker.Check(Well(60)));

    [Fact]
    public void A_message_that_was_acknowledged_and_is_lost_is_found()
    {
        RoomHistory history = Well(40);

        // The log closes over it, and nobody ever saw it.
        RoomHistory lost = history with
        {
            Log = [.. history.Log.Where(e => e.Seq != 17).Select((e, i) => e with { Seq = i + 1 })],
            Members = [.. history.Members.Select(member => member with { Seen = [.. member.Seen.Where((_, i) => i != 16)] })],
        };
        Finds(lost, "is lost");
    }

    [Fact]
    public void The_last_message_that_was_acknowledged_and_is_lost_is_found()
    {
        RoomHistory history = Well(40);
        RoomHistory lost = history with
        {
            Log = [.. history.Log.SkipLast(1)],
            Members = [.. history.Members.Select(member => member with { Seen = [.. member.Seen.SkipLast(1)] })],
        };
        Finds(lost, "the end of the log");
    }

    [Fact]
    public void An_acknowledgement_with_the_place_of_another_message_is_found()
    {
        RoomHistory history = Well(40);
        Finds(With(history, 1, member => member with { Acks = [.. member.Acks.Select((seq, i) => i == 4 ? seq + 1 : seq)] }), "is lost");
    }

    [Fact]
    public void A_message_that_is_stored_twice_is_found()
    {
        RoomHistory history = Well(40);
        LogEvent again = history.Log[20] with { Seq = 42 };
        RoomHistory doubled = history with
        {
            Log = [.. history.Log, again],
            Members = [.. history.Members.Select(member => member with { Seen = [.. member.Seen, again.Digest] })],
        };
        Finds(doubled, "is stored twice");
    }

    [Fact]
    public void A_message_that_nobody_wrote_or_that_was_changed_is_found()
    {
        RoomHistory history = Well(40);
        Finds(Stored(history, 9, e => e with { ClientId = Guid.NewGuid() }), "written by nobody");
        Finds(Stored(history, 9, e => e with { Sender = Guid.NewGuid() }), "written by nobody");
        Finds(Stored(history, 9, e => e with { ClientId = new WriteId(0, Room, 1_000).ClientId }), "written by nobody");
        Finds(Stored(history, 9, e => e with { ClientId = new WriteId(0, Room + 1, 0).ClientId }), "written by nobody");
        Finds(Stored(history, 9, e => e with { Text = e.Text + " " }), "otherwise than it was written");
        Finds(Stored(history, 9, e => e with { Target = 1 }), "otherwise than it was written");
        RoomHistory longer = Well(60);
        LogEvent edit = longer.Log.First(e => e.Type == "message.edited");
        Finds(Stored(longer, edit.Seq, e => e with { Target = e.Target + 1 }), "otherwise than it was written");
    }

    [Fact]
    public void A_gap_in_the_log_is_found()
    {
        RoomHistory history = Well(40);
        Finds(history with { Log = [.. history.Log.Select(e => e.Seq < 30 ? e : e with { Seq = e.Seq + 1 })] }, "where 30 belongs");
    }

    [Fact]
    public void A_members_messages_in_another_order_than_it_wrote_them_are_found()
    {
        // Seq 8 and 11 are of the same member. It was acknowledged, and seen by all, as it is stored.
        RoomHistory history = Well(40);
        LogEvent first = history.Log[7];
        LogEvent second = history.Log[10];
        Assert.Equal(first.Sender, second.Sender);
        RoomHistory stored = Stored(Stored(history, 8, _ => second with { Seq = 8 }), 11, _ => first with { Seq = 11 });
        int ordinal = WriteId.Of(first.ClientId!.Value)!.Value.Ordinal;
        int member = WriteId.Of(first.ClientId!.Value)!.Value.Member;
        stored = With(stored, member, m => m with { Acks = [.. m.Acks.Select((seq, i) => i == ordinal ? 11 : i == ordinal + 1 ? 8 : seq)] });
        stored = stored with { Members = [.. stored.Members.Select(m => m with { Seen = [.. stored.Log.Select(e => e.Digest)] })] };
        Assert.Contains("after a later write", Assert.Single(Checker.Check(stored)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_message_that_was_never_acknowledged_is_found()
    {
        RoomHistory history = Well(40);
        Finds(With(history, 0, member => member with { Begun = member.Begun + 1 }), "was never acknowledged");
        Finds(With(history, 0, member => member with { Acks = [.. member.Acks.Select((seq, i) => i == 3 ? 0 : seq)] }), "was never acknowledged");
    }

    [Fact]
    public void A_member_who_saw_less_more_or_something_else_is_found()
    {
        RoomHistory history = Well(40);
        Finds(With(history, 2, member => member with { Seen = [.. member.Seen.SkipLast(1)] }), "member 2 saw 40 events");
        Finds(With(history, 2, member => member with { Seen = [.. member.Seen, 7ul] }), "member 2 saw 42 events");
        Finds(With(history, 2, member => member with { Seen = [.. member.Seen.Select((digest, i) => i == 12 ? digest + 1 : digest)] }), "nowhere in it");
        Finds(With(history, 2, member => member with { Seen = [.. member.Seen.Select((_, i) => member.Seen[i == 12 ? 13 : i == 13 ? 12 : i])] }), "that of seq 14");
        Finds(With(history, 2, member => member with { Seen = [.. member.Seen.Take(13), .. member.Seen.Skip(12).SkipLast(1)] }), "that of seq 13");
    }

    [Fact]
    public void Read_markers_that_went_back_and_wrong_counts_are_found()
    {
        RoomHistory history = Well(40);
        int unread = history.Log.Count(e => e.Seq > 20 && e.Type == "message.created" && e.Sender != Users[0]);
        Assert.Empty(Checker.Check(With(history, 0, member => member with { Read = new ReadState(18, 22, 20, unread) })));
        Finds(With(history, 0, member => member with { Read = new ReadState(21, 22, 20, unread) }), "has read to 20");
        Finds(With(history, 0, member => member with { Read = new ReadState(18, 19, 20, unread) }), "has read to 20");
        Finds(With(history, 0, member => member with { Read = new ReadState(18, 22, 20, unread + 1) }), "unread messages");

        // Nothing was ever marked: read is what was there at joining.
        int all = history.Log.Count(e => e.Type == "message.created" && e.Sender != Users[0]);
        Assert.Empty(Checker.Check(With(history, 0, member => member with { Read = new ReadState(0, 0, 1, all) })));
        Finds(With(history, 0, member => member with { Read = new ReadState(0, 0, 2, all) }), "has read to 2");
    }

    [Fact]
    public void A_digest_sees_every_field_and_not_their_order()
    {
        ulong digest = Digest("""{"seq":5,"type":"message.created","sender":"a","text":"bc"}""", out long seq);
        Assert.Equal(5, seq);
        Assert.Equal(digest, Digest("""{"room":"r","text":"bc","type":"message.created", "sender":"a","seq":5}""", out _));
        string[] others =
        [
            """{"seq":6,"type":"message.created","sender":"a","text":"bc"}""", """{"seq":5,"type":"message.edited","sender":"a","text":"bc"}""",
            """{"seq":5,"type":"message.created","sender":"bc","text":"a"}""", """{"seq":5,"type":"message.created","sender":"a"}""",
            """{"seq":5,"type":"message.created","sender":"a","text":"bc","target":1}""", """{"seq":5,"type":"message.created","sender":"a","text":["bc"]}""",
        ];
        Assert.All(others, other => Assert.NotEqual(digest, Digest(other, out _)));
    }

    [Fact]
    public void A_write_is_known_by_its_client_id()
    {
        foreach (WriteId write in new[] { new WriteId(0, 0, 0), new WriteId(70_000, 399, 16_777_999), new WriteId(1, 2, 15) })
        {
            Assert.Equal(write, WriteId.Of(write.ClientId));
        }

        Assert.Null(WriteId.Of(Guid.NewGuid()));
    }

    private static void Finds(RoomHistory history, string what) =>
        Assert.Contains(Checker.Check(history), violation => violation.Contains(what, StringComparison.Ordinal));

    private static RoomHistory With(RoomHistory history, int member, Func<MemberHistory, MemberHistory> change) =>
        history with { Members = [.. history.Members.Select(one => one.Member == member ? change(one) : one)] };

    private static RoomHistory Stored(RoomHistory history, long seq, Func<LogEvent, LogEvent> change) =>
        history with { Log = [.. history.Log.Select(e => e.Seq == seq ? change(e) : e)] };

    /// <summary>Somebody who joins, and so many writes of three members in turn, acknowledged and seen by all.</summary>
    private static RoomHistory Well(int writes)
    {
        List<LogEvent> log = [new(1, 1, "member.joined", Users[0], null, null, null)];
        List<long>[] acks = [[], [], []];
        for (int i = 0; i < writes; i++)
        {
            int member = i % 3;
            WriteId write = new(member, Room, acks[member].Count);
            long? target = write.IsEdit ? acks[member][^1] : null;
            long seq = log.Count + 1;
            ulong digest = Digest(string.Create(CultureInfo.InvariantCulture, $$"""{"seq":{{seq}}}"""), out _);
            log.Add(new LogEvent(seq, digest, write.IsEdit ? "message.edited" : "message.created", Users[member], write.ClientId, write.Text, target));
            acks[member].Add(seq);
        }

        ulong[] seen = [.. log.Select(e => e.Digest)];
        return new RoomHistory(Room, log, [.. acks.Select((a, member) => new MemberHistory(member, Users[member], a.Count, a, seen))]);
    }

    private static ulong Digest(string json, out long seq) => EventDigest.Of(Encoding.UTF8.GetBytes(json), out seq);
}
