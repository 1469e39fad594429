using Monstera.Bench.Load;

namespace Monstera.Bench.Subjects;

/// <summary>What is measured: Monstera, or the baseline. Can be started any number of times, one at a time.</summary>
internal interface ISubject
{
    string Name { get; }

    IDialect Dialect { get; }

    /// <summary>Starts a fresh process for these rooms.</summary>
    Task<ChildProcess> Start(Layout layout);

    /// <summary>The rooms of the last start, with nobody in them yet, and a client for each seat: room by room.</summary>
    IReadOnlyList<Connection> Clients(Layout layout);
}

/// <summary>How many rooms of how many members there are.</summary>
internal sealed record Layout(int Rooms, int MembersPerRoom)
{
    public int Clients => Rooms * MembersPerRoom;

    public static string RoomKey(int room) => $"room-{room}";

    public static string UserName(int client) => $"user-{client}";
}
