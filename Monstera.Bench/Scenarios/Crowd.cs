using System.Diagnostics;
using Monstera.Bench.Load;
using Monstera.Bench.Subjects;

namespace Monstera.Bench.Scenarios;

/// <summary>Many clients in rooms of 200, for the scenarios that are about connections.</summary>
internal static class Crowd
{
    /// <summary>As many as a listening socket's queue takes without trouble, and enough that the server never waits for the client.</summary>
    public const int ConnectAtOnce = 128;

    public static readonly TimeSpan Within = TimeSpan.FromSeconds(180);

    private const int MembersPerRoom = 200;
    private const int WarmUpRooms = 2;

    public static Layout LayoutOf(BenchOptions options)
    {
        Layout layout = new(Math.Max(WarmUpRooms, options.ManyClients / MembersPerRoom), MembersPerRoom);
        OpenFiles.Check(layout.Clients);
        return layout;
    }

    /// <summary>The first clients connect and leave, again and again, so that the code is compiled and the pools are filled before anything counts.</summary>
    /// <param name="time">At least once, and for so long.</param>
    public static void WarmUp(ISubject subject, ChildProcess process, Layout layout, TimeSpan time)
    {
        Stopwatch watch = Stopwatch.StartNew();
        do
        {
            Connection[] first = [.. subject.Clients(layout).Take(WarmUpRooms * MembersPerRoom)];
            using LoadLoop loop = new(subject.Dialect, process.Port, first, new MessageBook());
            loop.ConnectAll(ConnectAtOnce, Within);
        }
        while (watch.Elapsed < time);
    }

    /// <summary>One message into each room reaches everybody: those connections really are in their rooms.</summary>
    public static void ProveLive(LoadLoop loop, IReadOnlyList<Connection> clients)
    {
        int rooms = 0;
        foreach (Connection client in clients.Where(client => client.Seat == 0))
        {
            client.Window = 1;
            rooms++;
        }

        loop.StartSending();
        loop.IsSending = false;
        loop.Drain(Within);
        BenchFailedException.ThrowIf(loop.Book.CompleteCount != rooms, $"{loop.Book.CompleteCount} messages for {rooms} rooms");
    }
}
