using System.Globalization;
using System.Text.RegularExpressions;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>docs/performance.md, "How correctness is counted": a server that breaks one of the promises ends the run with the sentence that says which.</summary>
public sealed partial class CorrectnessTests
{
    private const int Victim = 2;

    [Fact]
    public async Task An_honest_server_passes()
    {
        await using FakeServer server = new();
        MessageBook book = FakeRun.Complete(server);
        Assert.Equal((book.Count, book.Count), (book.CompleteCount, book.AckCount));
        Assert.True(book.Count >= 20);
    }

    [Fact]
    public async Task Rule_1_an_event_twice()
    {
        await using FakeServer server = new() { Write = Once("\"seq\":5,", record => [record, record]) };
        Assert.Equal("connection 2 is at 5 and was given 5 to 5", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_1_an_event_is_missing()
    {
        await using FakeServer server = new() { Write = Once("\"seq\":5,", _ => []) };
        Assert.Equal("connection 2 is at 4 and was given 6 to 6", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_1_events_in_another_order()
    {
        string? held = null;
        await using FakeServer server = new() { Write = Once("\"seq\":[56],", record => held is null ? Hold(ref held, record) : [record, held]) };
        Assert.Equal("connection 2 is at 4 and was given 6 to 6", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_1_a_hole_within_a_frame()
    {
        string? held = null;
        await using FakeServer server = new()
        {
            Write = Once("\"seq\":[56],", record => held is null ? Hold(ref held, record) : [FakeServer.Events(EventOf(held), EventOf(record).Replace("\"seq\":6", "\"seq\":7", StringComparison.Ordinal))]),
        };
        Assert.StartsWith("event 7 where 6 was to come: ", FakeRun.Failure(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rule_1_who_is_told_of_a_gap_resumes_from_its_own_cursor()
    {
        Connection[] connections = FakeRun.Connect();
        await using FakeServer server = new() { Write = WithGap(resumed => resumed) };
        FakeRun.Complete(server, connections);
        Assert.Equal(1, connections[Victim].Gaps);
    }

    [Fact]
    public async Task Rule_1_the_answer_to_a_gap_brings_too_little()
    {
        await using FakeServer server = new() { Write = WithGap(resumed => EventList().Replace(resumed, "\"events\":[]")) };
        Assert.Matches("^connection 2 is at 4 after resuming, which should have led to [0-9]+$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_1_events_of_another_room()
    {
        await using FakeServer server = new() { Write = Once("\"seq\":5,", record => [record.Replace(FakeServer.Room, FakeServer.Room[..^1] + "b", StringComparison.Ordinal)]) };
        Assert.StartsWith("a member of room fake was given events of another: ", FakeRun.Failure(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rule_2_another_text()
    {
        await using FakeServer server = new() { Write = Once("\"seq\":5,", record => [record.Replace("rained", "rainad", StringComparison.Ordinal)]) };
        Assert.StartsWith("event 5 does not carry the text that was sent: ", FakeRun.Failure(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rule_2_an_unknown_client_id()
    {
        await using FakeServer server = new() { Write = Once("\"seq\":5,", record => [record.Replace("\"clientId\":\"5eed5eed", "\"clientId\":\"5eed5eee", StringComparison.Ordinal)]) };
        Assert.StartsWith("a clientId that was never sent: ", FakeRun.Failure(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Rule_2_one_member_sees_two_messages_the_other_way_round()
    {
        string? held = null;
        await using FakeServer server = new()
        {
            Write = Once("\"seq\":[56],", record => held is null ? Hold(ref held, record) : [Numbered(record, "6", "5"), Numbered(held, "5", "6")]),
        };
        Assert.Matches("^message [0-9]+ is in the log twice: as [56] and as [56]$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_3_an_acknowledgement_with_another_seq()
    {
        await using FakeServer server = new() { Write = Once("\"result\":{\"seq\":5,", record => [Numbered(record, "5", "105")], client: null) };
        Assert.Matches("^message [0-9]+ was acknowledged as 105, and its event is 5$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_3_two_acknowledgements()
    {
        await using FakeServer server = new() { Write = Once("\"result\":{\"seq\":5,", record => [record, record], client: null) };
        Assert.Matches("^message [0-9]+ was acknowledged twice: as 5 and as 5$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_3_no_acknowledgement()
    {
        await using FakeServer server = new() { Write = Once("\"result\":{\"seq\":5,", _ => [], client: null) };
        Match said = Regex.Match(FakeRun.Failure(server), "^after 3 s of ([0-9]+) messages ([0-9]+) are complete and ([0-9]+) acknowledged$");
        int[] counts = [.. said.Groups.Values.Skip(1).Select(group => int.Parse(group.Value, CultureInfo.InvariantCulture))];
        Assert.Equal([counts[0], counts[0], counts[0] - 1], counts);
    }

    [Fact]
    public async Task Rule_3_a_refusal()
    {
        await using FakeServer server = new()
        {
            Write = Once("\"result\":{\"seq\":5,", record => [record.Replace("{\"seq\":5,\"at\":", "{\"error\":", StringComparison.Ordinal)], client: null),
        };
        Assert.Matches("^connection [01] was refused: ", FakeRun.Failure(server));
    }

    [Fact]
    public void Rule_3_two_messages_with_one_seq()
    {
        Connection[] connections = FakeRun.Connect();
        MessageBook book = Book(connections, (Sender: 0, Seq: 5), (Sender: 1, Seq: 5));
        Assert.Equal("two messages of room fake are event 5", Said(() => new MonsteraDialect().CheckEnd(book, connections)));
    }

    [Fact]
    public async Task Rule_4_two_messages_of_a_sender_change_places()
    {
        FakeSend? first = null;
        await using FakeServer server = new()
        {
            // The first client keeps two in flight: its fifth waits for its sixth.
            Order = send => send.Client != 0 || ++_sent is < 5 or > 6 ? [send] : _sent == 5 ? Hold(ref first, send) : [send, first!],
        };
        Assert.Matches("^message [0-9]+ overtook an earlier one of its sender$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_5_a_member_lacks_the_end()
    {
        await using FakeServer server = new() { Write = (client, record) => client == Victim && EventsAfterTen().IsMatch(record) ? [] : [record] };
        Assert.Matches("^after 3 s of [0-9]+ messages 9 are complete and [0-9]+ acknowledged$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_5_an_event_twice_behind_the_last_one()
    {
        string last = "";
        await using FakeServer server = new() { Write = (client, record) => client != Victim ? [record] : IsLastAnswer(record) ? [last, record] : [IsEvents(record) ? last = record : record] };
        Assert.Matches("^connection 2 is at ([0-9]+) and was given \\1 to \\1$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_3_a_second_acknowledgement_behind_the_last_message()
    {
        string last = "";
        await using FakeServer server = new()
        {
            Write = (client, record) => client != 0 ? [record] : IsLastAnswer(record) ? [last, record] : [record.Contains("\"result\":{\"seq\"", StringComparison.Ordinal) ? last = record : record],
        };
        Assert.Matches("^message [0-9]+ was acknowledged twice: ", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Rule_5_the_log_has_more_than_was_sent()
    {
        await using FakeServer server = new() { Write = (client, record) => client == Victim && IsLastAnswer(record) ? [Head().Replace(record, "\"head\":999")] : [record] };
        Assert.Matches("^connection 2 has everything that was sent and is at [0-9]+, and the server has more: ", FakeRun.Failure(server));
    }

    [Fact]
    public void Rule_5_members_end_at_different_places()
    {
        Connection[] connections = FakeRun.Connect();
        MessageBook book = Book(connections, (Sender: 0, Seq: 5), (Sender: 1, Seq: 6));
        connections[Victim].Last = 7;
        Assert.Equal("members of room fake end at 7 and 6", Said(() => new MonsteraDialect().CheckEnd(book, connections)));
    }

    [Fact]
    public async Task A_server_that_hangs_up()
    {
        FakeServer? itself = null;
        await using FakeServer server = new()
        {
            Write = Once("\"seq\":5,", record =>
            {
                itself!.HangUp(0);
                return [record];
            }),
        };
        itself = server;
        Assert.Matches("hung up on connection 0, which was Live$|Broken pipe|reset", Assert.ThrowsAny<Exception>(() => FakeRun.Complete(server)).Message);
    }

    private int _sent;

    /// <summary>Changes the records with this pattern that go to one client (null: to any).</summary>
    private static Func<int, string, IEnumerable<string>> Once(string pattern, Func<string, IEnumerable<string>> change, int? client = Victim) =>
        (to, record) => (client is null || to == client) && Regex.IsMatch(record, pattern.Replace("{", "\\{", StringComparison.Ordinal)) && !IsLastAnswer(record) ? change(record) : [record];

    /// <summary>Event 5 is a gap for the victim; what follows is not for it, until it resumes.</summary>
    private static Func<int, string, IEnumerable<string>> WithGap(Func<string, string> resume)
    {
        bool isAway = false;
        return (client, record) =>
        {
            if (client != Victim)
            {
                return [record];
            }

            if (record.Contains("\"invocationId\":\"r\"", StringComparison.Ordinal) && isAway)
            {
                isAway = false;
                return [resume(record)];
            }

            if (!IsEvents(record))
            {
                return [record];
            }

            if (record.Contains("\"seq\":5,", StringComparison.Ordinal))
            {
                isAway = true;
                return [$"{{\"type\":1,\"target\":\"Events\",\"arguments\":[{{\"room\":\"{FakeServer.Room}\",\"epoch\":1,\"head\":5,\"gap\":true}}]}}"];
            }

            return isAway ? [] : [record];
        };
    }

    private static MessageBook Book(Connection[] connections, params (int Sender, long Seq)[] messages)
    {
        MessageBook book = new();
        foreach ((int sender, long seq) in messages)
        {
            int number = book.Add(sender, 1, connections.Length, sentAt: 0);
            book.Acknowledge(number, seq);
            book.Place(number, seq);
        }

        foreach (Connection connection in connections)
        {
            connection.Last = messages[^1].Seq;
        }

        return book;
    }

    private static string Said(Action check) => Assert.Throws<Monstera.Bench.BenchFailedException>(check).Message;

    private static T[] Hold<T>(ref T? held, T record)
    {
        held = record;
        return [];
    }

    private static string EventOf(string record) => record[(record.IndexOf("\"events\":[", StringComparison.Ordinal) + 10)..record.IndexOf("]}]}", StringComparison.Ordinal)];

    private static string Numbered(string record, string from, string to) => record.Replace($"\"seq\":{from},", $"\"seq\":{to},", StringComparison.Ordinal);

    private static bool IsEvents(string record) => record.Contains("\"target\":\"Events\"", StringComparison.Ordinal);

    private static bool IsLastAnswer(string record) => record.Contains("\"invocationId\":\"e\"", StringComparison.Ordinal);

    [GeneratedRegex("\"target\":\"Events\".*\"seq\":[0-9]{2}")]
    private static partial Regex EventsAfterTen();

    [GeneratedRegex("\"head\":[0-9]+")]
    private static partial Regex Head();

    [GeneratedRegex("\"events\":\\[.*?\\]")]
    private static partial Regex EventList();
}
