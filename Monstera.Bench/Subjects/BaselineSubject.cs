using Monstera.Bench.Load;

namespace Monstera.Bench.Subjects;

/// <summary>The plain SignalR hub, which this program hosts in a second process of itself.</summary>
internal sealed class BaselineSubject(string? cores, CancellationToken cancel) : ISubject
{
    private static readonly Dictionary<string, string> NoEnvironment = [];

    public string Name => "baseline";

    public IDialect Dialect { get; } = new BaselineDialect();

    public Task<ChildProcess> Start(Layout layout) =>
        ChildProcess.Start(typeof(BaselineSubject).Assembly.Location, ["baseline", "--urls", "http://127.0.0.1:0"], NoEnvironment, cores, cancel);

    public IReadOnlyList<Connection> Clients(Layout layout)
    {
        List<Connection> clients = new(layout.Clients);
        for (int i = 0; i < layout.Rooms; i++)
        {
            Room room = new(Layout.RoomKey(i), Layout.RoomKey(i));
            for (int seat = 0; seat < layout.MembersPerRoom; seat++)
            {
                clients.Add(new Connection(clients.Count, room, token: ""));
            }
        }

        return clients;
    }
}
