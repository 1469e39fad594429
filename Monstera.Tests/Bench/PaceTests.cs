using System.Diagnostics;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>No coordinated omission: what has to wait because the server, or the generator, is slow counts from when it was due.</summary>
public sealed class PaceTests
{
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(20);

    [Fact]
    public void Times_are_fixed_and_senders_take_turns()
    {
        Connection[] senders = FakeRun.Connect();
        Pace pace = new(senders, perSecond: 200, startAt: 1_000);
        long interval = Stopwatch.Frequency / 200;
        for (int i = 0; i < 600; i++)
        {
            Assert.Equal(1_000 + (interval * (i + 1)), pace.NextAt);
            Assert.Same(senders[i % senders.Length], pace.Take(out long dueAt));
            Assert.Equal(1_000 + (interval * (i + 1)), dueAt);
        }
    }

    [Fact]
    public void An_interval_that_is_no_whole_number_of_ticks_does_not_drift()
    {
        Pace pace = new(FakeRun.Connect(), perSecond: 7, startAt: 0);
        for (int i = 0; i < 7_000; i++)
        {
            pace.Take(out _);
        }

        Assert.InRange(pace.NextAt - (Stopwatch.Frequency * 1_000), (Stopwatch.Frequency / 7) - 2, (Stopwatch.Frequency / 7) + 2);
    }

    [Fact]
    public async Task What_was_due_while_nothing_could_be_sent_counts_from_then()
    {
        await using FakeServer server = new();
        Connection[] connections = FakeRun.Connect();
        using LoadLoop loop = new(new MonsteraDialect(), server.Port, connections, new MessageBook());
        loop.ConnectAll(FakeRun.Clients, Within);
        loop.OpenWindow(Stopwatch.GetTimestamp() - (10 * Stopwatch.Frequency));

        // As after two seconds in which nobody came to send: 20 messages are late, by 2 s to 0.1 s.
        loop.Pace = new Pace(connections[..2], perSecond: 10, Stopwatch.GetTimestamp() - (2 * Stopwatch.Frequency));
        loop.RunUntil(() => loop.Book.CompleteCount >= 20, Within, () => "the late messages are not there");
        loop.Drain(Within);

        Assert.InRange(loop.Latency.Milliseconds(100), 1_890, 20_000);
        Assert.InRange(loop.Latency.Milliseconds(50), 400, 20_000);
        Assert.Equal(loop.Book.Count * FakeRun.Clients, loop.Latency.Count);
    }

    [Fact]
    public void A_message_of_the_window_counts_whenever_it_arrives_and_no_other_does()
    {
        Connection[] connections = FakeRun.Connect();
        using LoadLoop loop = new(new MonsteraDialect(), port: 1, connections, new MessageBook());
        int before = loop.Book.Add(0, 1, FakeRun.Clients, Stopwatch.GetTimestamp());
        loop.OpenWindow();
        int within = loop.Book.Add(0, 2, FakeRun.Clients, Stopwatch.GetTimestamp());
        loop.CloseWindow();
        int after = loop.Book.Add(0, 3, FakeRun.Clients, Stopwatch.GetTimestamp());
        long late = Stopwatch.GetTimestamp() + (5 * Stopwatch.Frequency);
        foreach (int number in (int[])[before, within, after])
        {
            foreach (Connection connection in connections)
            {
                loop.Deliver(connection, number, late);
            }
        }

        Assert.Equal((FakeRun.Clients, 1), (loop.Latency.Count, loop.LatencyOfLast.Count));
        Assert.InRange(loop.LatencyOfLast.Milliseconds(50), 5_000, 20_000);
        Assert.Equal(3 * FakeRun.Clients, loop.Deliveries);
    }
}
