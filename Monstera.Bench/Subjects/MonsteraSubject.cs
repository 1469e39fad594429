using System.Security.Cryptography;
using Monstera.Bench.Load;
using Monstera.Bench.Storage;
using Monstera.Data.Ids;

namespace Monstera.Bench.Subjects;

/// <summary>The server as it is built for people, on data of its own; nothing but the limits of rates and of one address is set otherwise.</summary>
internal sealed class MonsteraSubject(string assembly, string? cores, IDataSets data, TimeProvider time, CancellationToken cancel) : ISubject
{
    /// <summary>The set of the last start.</summary>
    private const string Current = "data";

    private readonly string _secret = Convert.ToHexString(RandomNumberGenerator.GetBytes(32));
    private readonly Dictionary<Layout, Fixture> _fixtures = [];

    public string Name => "monstera";

    public IDialect Dialect { get; } = new MonsteraDialect();

    public async Task<ChildProcess> Start(Layout layout)
    {
        await Prepare(layout);
        return await StartAgain();
    }

    /// <summary>Starts on the data that are there.</summary>
    public Task<ChildProcess> StartAgain() => StartOn(Current);

    /// <summary>Starts several on fresh data that they share, joined by a Redis.</summary>
    /// <param name="redis">Its address.</param>
    public async Task<ServerNodes> StartNodes(Layout layout, int count, string redis)
    {
        await Prepare(layout);
        Dictionary<string, string> settings = new(StringComparer.Ordinal)
        {
            ["Monstera__Backplane"] = "redis",
            ["Monstera__Redis__Prefix"] = $"bench-{Guid.NewGuid():N}",
            ["ConnectionStrings__Redis"] = redis,
        };
        List<ChildProcess> nodes = [];
        try
        {
            for (int i = 0; i < count; i++)
            {
                settings["Monstera__NodeName"] = $"node-{i}";
                nodes.Add(await StartOn(Current, settings));
            }

            return new ServerNodes(nodes);
        }
        catch
        {
            await new ServerNodes(nodes).DisposeAsync();
            throw;
        }
    }

    /// <param name="set">By its name.</param>
    public Task<ChildProcess> StartOn(string set) => StartOn(set, []);

    private async Task<ChildProcess> StartOn(string set, Dictionary<string, string> further) =>
        await ChildProcess.Start(
            assembly,
            ["--urls", "http://127.0.0.1:0"],
            new Dictionary<string, string>([.. await data.SettingsOf(set), .. further], StringComparer.Ordinal)
            {
                ["Monstera__ConnectionTokens__Secret"] = _secret,
                ["Monstera__Limits__WritesPerSecondPerConnection"] = "0",
                ["Monstera__Limits__WritesPerSecondPerUser"] = "0",
                ["Monstera__Limits__CallsPerSecondPerConnection"] = "0",
                ["Monstera__Limits__ConnectionsPerAddress"] = "0",
                ["Monstera__Realtime__UpgradesPerSecond"] = "0",
            },
            cores,
            cancel);

    public IReadOnlyList<Connection> Clients(Layout layout)
    {
        TenantId tenant = _fixtures[layout].Tenant;
        List<Connection> clients = new(layout.Clients);
        for (int i = 0; i < layout.Rooms; i++)
        {
            string key = Layout.RoomKey(i);
            Room room = new(key, DerivedIds.RoomOfKey(tenant, key).ToString());
            for (int seat = 0; seat < layout.MembersPerRoom; seat++)
            {
                clients.Add(new Connection(clients.Count, room, Token(Layout.UserName(clients.Count), key)));
            }
        }

        return clients;
    }

    public string Token(string user, string roomKey) => ConnectionToken.Sign(_secret, user, roomKey, time.GetUtcNow().AddDays(1));

    /// <summary>The data as the last stop left them, through the storage's own interface; the server is not running.</summary>
    public Task<OpenData> OpenData() => data.Open(Current);

    public Fixture FixtureOf(Layout layout) => _fixtures[layout];

    /// <summary>A set with these rooms and members, filled once and copied for each start, so that no run begins on what another left.</summary>
    private async Task Prepare(Layout layout)
    {
        string template = $"rooms-{layout.Rooms}x{layout.MembersPerRoom}";
        if (!_fixtures.ContainsKey(layout))
        {
            using OpenData open = await data.Open(template);
            _fixtures.Add(layout, await Fixture.Fill(open, layout, time));
        }

        await data.Copy(template, Current);
    }
}
