using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Tests.Clients;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Faults.Suite;

/// <summary>All members of all rooms. Each is in two rooms, so that none lives in one shard only.</summary>
internal sealed class Population : IAsyncDisposable
{
    private const int RoomsOfAMember = 2;
    private const int MembersOfARoom = 10;
    private const int AtOnce = 32;
    private const int PageEvents = 500;

    private static readonly TimeSpan TickEvery = TimeSpan.FromMilliseconds(10);
    private static readonly HashSet<int> Nobody = [];

    private readonly List<Member> _members = [];
    private readonly List<PopulationRoom> _rooms = [];
    private readonly MemberRules _rules;
    private readonly CancellationTokenSource _stop = new();
    private Task _ticking = Task.CompletedTask;

    private Population(MemberRules rules) => _rules = rules;

    public IReadOnlyList<Member> Members => _members;

    public IReadOnlyList<PopulationRoom> Rooms => _rooms;

    public Tally Tally { get; } = new();

    /// <summary>Makes the rooms, brings everybody in and waits until all are live.</summary>
    public static async Task<Population> Start(int members, MemberRules rules)
    {
        Population population = new(rules);
        int rooms = members * RoomsOfAMember / MembersOfARoom;
        await population.MakeRooms(Math.Max(rooms - (rooms % Cluster.Shards), RoomsOfAMember));
        population.MakeMembers(members);
        population._ticking = Task.Run(population.Tick);
        foreach (Member[] some in population._members.Chunk(AtOnce))
        {
            Array.ForEach(some, member => member.Start());
            await Signal.Poll(() => Array.TrueForAll(some, member => member.IsLive), "members to be live in their rooms", TimeSpan.FromSeconds(60));
        }

        population._members.ForEach(member => member.Writes = true);
        return population;
    }

    /// <summary>From now on only what began at this timestamp or later shows that members have recovered.</summary>
    public void BeginProbe(long from) => _members.ForEach(member => member.BeginProbe(from));

    /// <summary>Waits until every member had a write acknowledged in each of its rooms which began after the probe did, and everybody has received all of these.</summary>
    /// <param name="from">The timestamp of <see cref="BeginProbe"/>.</param>
    /// <param name="except">Members who are not waited for.</param>
    /// <param name="only">The rooms that are looked at; null: all.</param>
    /// <returns>How long that took; null: longer than the patience.</returns>
    public async Task<TimeSpan?> Recover(long from, TimeSpan patience, IReadOnlySet<int>? except = null, IReadOnlyList<PopulationRoom>? only = null)
    {
        List<PopulationRoom> waiting = [.. only ?? _rooms];
        using PeriodicTimer timer = new(TickEvery, TimeProvider.System);
        while (true)
        {
            waiting.RemoveAll(room => room.IsRecovered(except ?? Nobody));
            TimeSpan elapsed = TimeProvider.System.GetElapsedTime(from);
            if (waiting.Count == 0)
            {
                return elapsed;
            }

            if (elapsed > patience)
            {
                return null;
            }

            await timer.WaitForNextTickAsync();
        }
    }

    /// <summary>Some of those who hold the others up, for people.</summary>
    public string DescribeStuck()
    {
        IEnumerable<Member> stuck = _rooms.Where(room => !room.IsRecovered(Nobody))
            .SelectMany(room => room.Members.Where(member => room.Of(member) is { } mine && (mine.ProbeSeq == 0 || mine.Last < room.Members.Max(other => room.Of(other).ProbeSeq))));
        return string.Join('\n', stuck.Distinct().Take(10).Select(member => member.Describe()));
    }

    /// <summary>No more is written, and all that was is acknowledged.</summary>
    public async Task Settle(TimeSpan patience)
    {
        _members.ForEach(member => member.Writes = false);
        try
        {
            await Signal.Poll(() => _members.TrueForAll(member => member.IsSettled), "everything that was written to be acknowledged", patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"{e.Message}\n{string.Join('\n', _members.Where(member => !member.IsSettled).Take(10).Select(member => member.Describe()))}", e);
        }
    }

    /// <summary>The room as the store has it and as each member has lived it, once all have reached its end.</summary>
    public async Task<RoomHistory> ReadHistory(PopulationRoom room, TimeSpan patience)
    {
        List<LogEvent> log = await ReadLog(room);
        try
        {
            await Signal.Poll(() => room.Members.TrueForAll(member => room.Of(member).Last >= log.Count), $"everybody to reach the end of room {room.Index}", patience);
        }
        catch (TimeoutException)
        {
            // The checker says who did not.
        }

        List<MemberHistory> members = [];
        foreach (Member member in room.Members)
        {
            members.Add(member.HistoryOf(room.Index, await ReadMarker(member, room)));
        }

        return new RoomHistory(room.Index, log, members);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _ticking.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await Task.WhenAll(_members.Select(member => member.DisposeAsync().AsTask()));
        _stop.Dispose();
    }

    private async Task MakeRooms(int count)
    {
        await using HubSocket hub = await HubSocket.Connect(_rules.Entrance(), Tokens.For("somebody"));
        Guid tenant = (await hub.Hello()).GetProperty("tenant").GetProperty("id").GetGuid();
        int n = 0;
        for (int i = 0; i < count; i++)
        {
            // As many in the one shard as in the other, whatever the tenant's id is.
            string key;
            do
            {
                key = $"room-{n++}";
            }
            while (Slot.Of(new RoomId(Tokens.RoomOf(tenant, key))) % Cluster.Shards != i % Cluster.Shards);
            _rooms.Add(new PopulationRoom(i, key, Tokens.RoomOf(tenant, key)));
        }
    }

    private void MakeMembers(int count)
    {
        for (int i = 0; i < count; i++)
        {
            // Neighbours share one room and hardly another.
            int first = i % _rooms.Count;
            int second = (first + 1 + (i / _rooms.Count * 2)) % _rooms.Count;
            PopulationRoom[] mine = [_rooms[first], _rooms[second]];
            Member member = new(i, _rules, Tally, [.. mine.Select(room => (room.Index, room.Key, room.Id))]);
            _members.Add(member);
            Array.ForEach(mine, room => room.Members.Add(member));
        }
    }

    private async Task Tick()
    {
        using PeriodicTimer timer = new(TickEvery, TimeProvider.System);
        while (await timer.WaitForNextTickAsync(_stop.Token))
        {
            long now = TimeProvider.System.GetTimestamp();
            _members.ForEach(member => member.Tick(now));
        }
    }

    private async Task<List<LogEvent>> ReadLog(PopulationRoom room)
    {
        List<LogEvent> log = [];
        RestClient rest = RestOf(room.Members[0]);
        string status;
        do
        {
            using JsonDocument page = JsonDocument.Parse((await rest.Get($"/api/rooms/{room.Id}/events?seq={log.Count}&limit={PageEvents}")).IsStatus(200).Text);
            status = page.RootElement.GetProperty("status").GetString()!;
            log.AddRange(page.RootElement.GetProperty("events").EnumerateArray().Select(LogEvent.Of));
        }
        while (status == "more");
        Assert.Equal("complete", status);
        return log;
    }

    private async Task<ReadState> ReadMarker(Member member, PopulationRoom room)
    {
        MemberRoom mine = room.Of(member);
        long atLeast = mine.MarkedAtLeast;
        Answer answer = (await RestOf(member).Get($"/api/rooms/{room.Id}")).IsStatus(200);
        return new ReadState(atLeast, mine.MarkedAtMost, answer["readSeq"].GetInt64(), answer["unread"].GetInt32());
    }

    private RestClient RestOf(Member member) => new(_rules.Entrance().GetLeftPart(UriPartial.Authority)) { Token = member.Token };
}
