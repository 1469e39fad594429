using System.Globalization;
using Monstera.Bench;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>A small run of the load generator against a <see cref="FakeServer"/>: three members, of whom the first two send.</summary>
internal static class FakeRun
{
    public const int Clients = 3;

    private const int Messages = 20;

    /// <summary>How long a promise may take that is kept: only a broken one waits for it.</summary>
    private static readonly TimeSpan Within = TimeSpan.FromSeconds(3);

    public static Connection[] Connect(string roomKey = "fake")
    {
        Room room = new(roomKey, FakeServer.Room);
        return [.. Enumerable.Range(0, Clients).Select(i => new Connection(i, room, i.ToString(CultureInfo.InvariantCulture)))];
    }

    /// <summary>Everything that scenarios do: connect, send, wait until all is everywhere, check.</summary>
    public static MessageBook Complete(FakeServer server, Connection[]? connections = null)
    {
        connections ??= Connect();
        IDialect dialect = server.IsPlain ? new BaselineDialect() : new MonsteraDialect();
        using LoadLoop loop = new(dialect, server.Port, connections, new MessageBook());

        // One at a time: the plain server numbers its clients in the order of their coming.
        loop.ConnectAll(1, Within);
        connections[0].Window = 2;
        connections[1].Window = 1;
        loop.StartSending();
        loop.RunUntil(() => loop.Book.Count >= Messages, Within, () => "the messages are not sent");
        loop.Drain(Within);
        Assert.Equal(loop.Book.Count * Clients, loop.Deliveries);
        return loop.Book;
    }

    /// <summary>The sentence with which the run ends.</summary>
    public static string Failure(FakeServer server, Connection[]? connections = null) => Assert.Throws<BenchFailedException>(() => Complete(server, connections)).Message;
}
