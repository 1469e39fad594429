using System.Text;
using Monstera.Bench;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>Rule 6 of docs/performance.md: resumed clients get exactly the missed messages, and a page of history holds exactly the events that belong there.</summary>
public sealed class ResumeAndHistoryTests
{
    private const int Missed = 20;
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(3);

    [Fact]
    public async Task All_missed_messages_at_every_member_pass()
    {
        await using FakeServer server = new();
        Assert.Equal(Missed * FakeRun.Clients, Resume(server));
    }

    [Theory]
    [InlineData(1, "^connection 2 is at 0 and was given 2 to 20$")]
    [InlineData(7, "^event 8 where 7 was to come: ")]
    [InlineData(20, "^connection 2 is at 19 after resuming, which should have led to 20$")]
    public async Task One_is_missing(int seq, string sentence)
    {
        await using FakeServer server = new() { Write = InAnswers(events => events.Where((_, i) => i != seq - 1)) };
        Assert.Matches(sentence, Assert.Throws<BenchFailedException>(() => Resume(server)).Message);
    }

    [Fact]
    public async Task One_comes_twice()
    {
        await using FakeServer server = new() { Write = InAnswers(events => events.SelectMany((e, i) => i == 6 ? [e, e] : new[] { e })) };
        Assert.StartsWith("event 7 where 8 was to come: ", Assert.Throws<BenchFailedException>(() => Resume(server)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cursor_that_is_not_taken()
    {
        await using FakeServer server = new() { Write = (_, record) => [record.Replace("\"complete\"", "\"reset\"", StringComparison.Ordinal)] };
        Assert.Matches("^connection [0-9] could not resume from 0: ", Assert.Throws<BenchFailedException>(() => Resume(server)).Message);
    }

    [Theory]
    [InlineData(51, 100, null)]
    [InlineData(51, 99, "p ends before event 100, and was to end with 100: ")]
    [InlineData(52, 100, "p has event 52 in the place of 51")]
    [InlineData(51, 101, "p ends before event 102, and was to end with 100: ")]
    [InlineData(50, 100, "p has event 50 in the place of 51")]
    [InlineData(0, -1, "p ends before event 51, and was to end with 100: ")]
    public void A_page(int first, int last, string? sentence)
    {
        byte[] body = Page(Enumerable.Range(first, last - first + 1));
        if (sentence is null)
        {
            HistoryPage.Check(body, "p", last: 100, items: 50);
        }
        else
        {
            Assert.StartsWith(sentence, Assert.Throws<BenchFailedException>(() => HistoryPage.Check(body, "p", last: 100, items: 50)).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_page_in_another_order() =>
        Assert.Throws<BenchFailedException>(() => HistoryPage.Check(Page(Enumerable.Range(51, 50).Reverse()), "p", last: 100, items: 50));

    private static byte[] Page(IEnumerable<int> seqs) =>
        Encoding.UTF8.GetBytes($"{{\"epoch\":1,\"head\":100,\"items\":[{string.Join(',', seqs.Select(seq => FakeServer.Event(seq, "c", "t")))}]}}");

    /// <returns>How many deliveries there were.</returns>
    private static long Resume(FakeServer server)
    {
        Connection[] connections = FakeRun.Connect();
        MessageBook book = new();
        for (int i = 1; i <= Missed; i++)
        {
            int number = book.Add(sender: 0, i, FakeRun.Clients, sentAt: 0);
            (Guid clientId, string text) = MessageText.Of(number);
            server.Log.Add(FakeServer.Event(i, clientId.ToString(), text));
            book.Acknowledge(number, i);
        }

        foreach (Connection connection in connections)
        {
            connection.Last = 0;
            connection.Epoch = 1;
        }

        using LoadLoop loop = new(new MonsteraDialect(), server.Port, connections, book);
        loop.ConnectAll(FakeRun.Clients, Within);
        loop.Drain(Within);
        return loop.Deliveries;
    }

    /// <summary>Changes the list of events in answers to the last client.</summary>
    private static Func<int, string, IEnumerable<string>> InAnswers(Func<IEnumerable<string>, IEnumerable<string>> change) => (client, record) =>
    {
        const string name = "\"events\":[{";
        int at = record.IndexOf(name, StringComparison.Ordinal);
        if (client != FakeRun.Clients - 1 || at < 0)
        {
            return [record];
        }

        int end = record.IndexOf("}]}]}}", StringComparison.Ordinal);
        string[] events = record[(at + name.Length)..end].Split("},{");
        return [$"{record[..at]}\"events\":[{string.Join(',', change(events.Select(e => $"{{{e}}}")))}{record[(end + 1)..]}"];
    };
}
