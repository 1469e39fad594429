using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>The baseline numbers nothing: every message once at every member, unchanged, in the order of its sender.</summary>
public sealed class BaselineCorrectnessTests
{
    private const int Victim = 2;

    [Fact]
    public async Task An_honest_server_passes()
    {
        await using FakeServer server = new() { IsPlain = true };
        MessageBook book = FakeRun.Complete(server);
        Assert.Equal(book.Count, book.CompleteCount);
    }

    [Fact]
    public async Task A_message_twice()
    {
        await using FakeServer server = Plain((count, record) => count == 5 ? [record, record] : [record]);
        Assert.Matches("^message ([0-9]+) of a sender came after its message \\1 to connection 2$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task A_message_is_missing()
    {
        await using FakeServer server = Plain((count, record) => count == 5 ? [] : [record]);
        Assert.Matches("^message [0-9]+ of a sender came after its message [0-9]+ to connection 2$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task The_last_messages_are_missing()
    {
        await using FakeServer server = Plain((count, record) => count >= 5 ? [] : [record]);
        Assert.Matches("^after 3 s of [0-9]+ messages 4 are complete and 0 acknowledged$", FakeRun.Failure(server));
    }

    [Fact]
    public async Task Another_text()
    {
        await using FakeServer server = Plain((count, record) => [count == 5 ? record.Replace("rained", "rainad", StringComparison.Ordinal) : record]);
        Assert.StartsWith("a message that was never sent: ", FakeRun.Failure(server), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_message_twice_behind_the_last_one()
    {
        string last = "";
        await using FakeServer server = new()
        {
            IsPlain = true,
            Write = (client, record) => client != Victim ? [record]
                : record.Contains("\"invocationId\":\"e\"", StringComparison.Ordinal) ? [last, record]
                : [record.Contains("\"Message\"", StringComparison.Ordinal) ? last = record : record],
        };
        Assert.Matches("^message ([0-9]+) of a sender came after its message \\1 to connection 2$", FakeRun.Failure(server));
    }

    /// <param name="write">The how-manieth message of the victim it is, from 1, and its record.</param>
    private static FakeServer Plain(Func<int, string, IEnumerable<string>> write)
    {
        int count = 0;
        return new FakeServer
        {
            IsPlain = true,
            Write = (client, record) => client == Victim && record.Contains("\"Message\"", StringComparison.Ordinal) ? write(++count, record) : [record],
        };
    }
}
