using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Tests.Clients;
using static Monstera.Server.Presence.PresenceState;

namespace Monstera.Tests.Presence;

/// <summary>One of several nodes is held to what a single one is.</summary>
public sealed class NodePresenceContractTests : PresenceContract, IDisposable
{
    private PresenceWorld? _world;

    public void Dispose() => _world?.Dispose();

    protected override IPresence New()
    {
        _world = new PresenceWorld(Time);
        _world.Start();
        return _world.Start().Presence;
    }
}

/// <summary>Several nodes in one process, by a clock that tests turn.</summary>
public sealed class NodePresenceTests : IDisposable
{
    private static readonly TenantId Tenant = PresenceWorld.Tenant;
    private static readonly UserId Aoi = new(Guid.NewGuid());
    private static readonly UserId Beni = new(Guid.NewGuid());
    private static readonly PresenceOptions Defaults = new();
    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(Defaults.LeaseSeconds);
    private static readonly TimeSpan Moment = TimeSpan.FromMilliseconds(Defaults.GatherMs);

    private readonly FakeTime _time = new();
    private readonly PresenceWorld _world;

    public NodePresenceTests() => _world = new PresenceWorld(_time);

    public void Dispose() => _world.Dispose();

    [Fact]
    public void What_one_node_knows_the_others_know_a_moment_later()
    {
        (PresenceNode one, PresenceNode two) = (_world.Start(), _world.Start());
        one.Presence.Connected(Tenant, Aoi, "tab", default);
        _time.Advance(Moment);
        Assert.Equal(Online, two.StateOf(Aoi));
        one.Presence.SetActivity(Tenant, Aoi, "tab", active: false);
        _time.Advance(Moment);
        one.Presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Away, 1));
        _time.Advance(Moment);
        one.Presence.Disconnected(Tenant, Aoi, "tab");
        _time.Advance(TimeSpan.FromMinutes(10));

        Assert.Equal([Online, Idle, Away, Offline], two.Changes.Select(change => change.State));
        Assert.Equal(two.Changes, one.Changes);
    }

    [Fact]
    public void Of_devices_on_two_nodes_the_most_present_counts()
    {
        PresenceNode[] nodes = [_world.Start(), _world.Start(), _world.Start()];
        nodes[0].Presence.Connected(Tenant, Aoi, "desk", default);
        nodes[1].Presence.Connected(Tenant, Aoi, "phone", default);
        nodes[0].Presence.SetActivity(Tenant, Aoi, "desk", active: false);
        _time.Advance(Moment);
        Assert.All(nodes, node => Assert.Equal(Online, node.StateOf(Aoi)));
        nodes[1].Presence.SetActivity(Tenant, Aoi, "phone", active: false);
        _time.Advance(Moment);
        Assert.All(nodes, node => Assert.Equal(Idle, node.StateOf(Aoi)));
        nodes[0].Presence.Disconnected(Tenant, Aoi, "desk");
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.All(nodes, node => Assert.Equal(Idle, node.StateOf(Aoi)));
        nodes[1].Presence.Disconnected(Tenant, Aoi, "phone");
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.All(nodes, node => Assert.Equal(Offline, node.StateOf(Aoi)));
    }

    /// <summary>The choice is made where one device is, or where none is; the node that has the other device knows an older one.</summary>
    [Fact]
    public void A_choice_holds_on_every_node()
    {
        PresenceNode[] nodes = [_world.Start(), _world.Start(), _world.Start()];
        List<PresenceChoice> heard = [];
        nodes[1].Presence.ChoiceChanged += (_, _, choice) => heard.Add(choice);
        nodes[0].Presence.Connected(Tenant, Aoi, "desk", default);
        nodes[1].Presence.Connected(Tenant, Aoi, "phone", default);
        _time.Advance(Moment);

        nodes[0].Presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Invisible, 1));
        _time.Advance(Moment);
        Assert.All(nodes, node => Assert.Equal(Offline, node.StateOf(Aoi)));
        Assert.True(nodes[1].Presence.IsInvisible(Tenant, Aoi));

        nodes[0].Presence.Disconnected(Tenant, Aoi, "desk");
        _time.Advance(TimeSpan.FromMinutes(1));
        nodes[2].Presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Away, 2));
        _time.Advance(2 * Moment);
        Assert.All(nodes, node => Assert.Equal(Away, node.StateOf(Aoi)));
        Assert.Equal([PresenceChoice.Invisible, PresenceChoice.Away], heard);
    }

    [Fact]
    public void Users_of_a_node_that_dies_are_gone_after_the_lease_and_not_before()
    {
        (PresenceNode dies, PresenceNode lives) = (_world.Start(), _world.Start());
        dies.Presence.Connected(Tenant, Aoi, "tab", default);
        dies.Presence.Connected(Tenant, Beni, "tab", default);
        lives.Presence.Connected(Tenant, Beni, "phone", default);
        _time.Advance(TimeSpan.FromMinutes(1));

        dies.Kill();
        _time.Advance(Lease - TimeSpan.FromSeconds(Defaults.HeartbeatSeconds + 1));
        Assert.Equal(Online, lives.StateOf(Aoi));
        _time.Advance(TimeSpan.FromSeconds(Defaults.HeartbeatSeconds + 2));
        Assert.Equal(Offline, lives.StateOf(Aoi));
        Assert.Equal(Online, lives.StateOf(Beni));
    }

    [Fact]
    public async Task Users_of_a_node_that_stops_have_a_moment_to_come_up_elsewhere()
    {
        (PresenceNode stops, PresenceNode stays) = (_world.Start(), _world.Start());
        stops.Presence.Connected(Tenant, Aoi, "tab", default);
        stops.Presence.Connected(Tenant, Beni, "tab", default);
        _time.Advance(Moment);

        await stops.Presence.StopAsync(TestContext.Current.CancellationToken);
        stops.Kill();
        _time.Advance(TimeSpan.FromSeconds(2));
        stays.Presence.Connected(Tenant, Aoi, "tab again", default);
        _time.Advance(TimeSpan.FromSeconds(5));

        Assert.Equal((Online, Offline), (stays.StateOf(Aoi), stays.StateOf(Beni)));
        Assert.Equal([Online], stays.Changes.Where(change => change.User == Aoi).Select(change => change.State));
    }

    [Fact]
    public async Task A_node_that_starts_late_gets_the_whole_tables()
    {
        PresenceNode[] nodes = [_world.Start(), _world.Start()];
        UserId[] users = [.. Enumerable.Range(0, 40).Select(_ => new UserId(Guid.NewGuid()))];
        for (int i = 0; i < users.Length; i++)
        {
            nodes[i % 2].Presence.Connected(Tenant, users[i], "tab", new PresenceSetting(i % 4 == 0 ? PresenceChoice.Invisible : PresenceChoice.Auto, 1));
            _time.Advance(Moment);
        }

        PresenceNode late = _world.Start();
        _time.Advance(2 * Moment);
        await late.Changed.Until(() => late.Presence.States(Tenant, users).Count == 30, "both tables");
        Assert.All(users.Where((_, i) => i % 4 == 0), user => Assert.Equal(Offline, late.StateOf(user)));
    }

    [Fact]
    public async Task What_was_lost_on_the_way_is_found_by_the_counter_and_read()
    {
        (PresenceNode one, PresenceNode two) = (_world.Start(), _world.Start());
        _time.Advance(Moment);
        one.LosesWhatItTells = true;
        one.Presence.Connected(Tenant, Aoi, "tab", default);
        _time.Advance(Moment);
        one.LosesWhatItTells = false;
        Assert.Equal(Offline, two.StateOf(Aoi));

        // The next thing that is told shows the gap, and be it that the node lives.
        _time.Advance(TimeSpan.FromSeconds(Defaults.HeartbeatSeconds + 2));
        await two.Changed.Until(() => two.StateOf(Aoi) == Online, "the table");

        one.LosesWhatItTells = true;
        one.Presence.Disconnected(Tenant, Aoi, "tab");
        _time.Advance(TimeSpan.FromSeconds(6));
        one.LosesWhatItTells = false;
        one.Presence.Connected(Tenant, Beni, "tab", default);
        _time.Advance(Moment);
        await two.Changed.Until(() => (two.StateOf(Aoi), two.StateOf(Beni)) == (Offline, Online), "the table");
    }

    [Fact]
    public void What_comes_twice_or_late_changes_nothing()
    {
        (PresenceNode one, PresenceNode two) = (_world.Start(), _world.Start());
        one.Presence.Connected(Tenant, Aoi, "tab", default);
        _time.Advance(Moment);
        PresenceSignal online = one.Told.Single(signal => signal.Changes.Count > 0);
        one.Presence.SetActivity(Tenant, Aoi, "tab", active: false);
        _time.Advance(Moment);

        using var wire = new Monstera.Server.Backplane.MemoryBackplane(_world.Wire);
        wire.Tell(online);
        wire.Tell(online);
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([Online, Idle], two.Changes.Select(change => change.State));
    }

    [Fact]
    public async Task While_the_backplane_is_away_nobody_flickers_and_afterwards_all_is_as_it_should_be()
    {
        (PresenceNode one, PresenceNode two, PresenceNode dies) = (_world.Start(), _world.Start(), _world.Start());
        UserId cara = new(Guid.NewGuid());
        one.Presence.Connected(Tenant, Aoi, "tab", default);
        dies.Presence.Connected(Tenant, cara, "tab", default);
        _time.Advance(Moment);

        _world.SetAway(true);
        dies.Kill();
        one.Presence.Connected(Tenant, Beni, "tab", default);
        _time.Advance(TimeSpan.FromMinutes(10));
        Assert.Equal((Online, Online, Offline), (two.StateOf(Aoi), two.StateOf(cara), two.StateOf(Beni)));
        Assert.Equal([Online, Online], two.Changes.Select(change => change.State));

        // It has forgotten everything, and the others have a lease to be heard of.
        _world.Tables.Clear();
        one.Presence.Disconnected(Tenant, Aoi, "tab");
        _time.Advance(TimeSpan.FromMinutes(1));
        _world.SetAway(false);
        await Signal.Poll(
            () =>
            {
                _time.Advance(Moment);
                return (two.StateOf(Aoi), two.StateOf(Beni)) == (Offline, Online);
            },
            "what changed meanwhile");
        _time.Advance(Lease + TimeSpan.FromSeconds(1));
        Assert.Equal((Offline, Online), (two.StateOf(cara), two.StateOf(Beni)));
    }

    [Fact]
    public async Task While_the_backplane_is_away_choices_are_read_from_the_directory()
    {
        PresenceNode node = _world.Start();
        _world.Start();
        node.Presence.Connected(Tenant, Aoi, "tab", default);
        _world.SetAway(true);
        _world.Directory.Choices[Aoi] = new PresenceSetting(PresenceChoice.Invisible, 3);
        _time.Advance(TimeSpan.FromSeconds(Defaults.HeartbeatSeconds + 1));
        await node.Changed.Until(() => node.StateOf(Aoi) == Offline, "the choice");
    }

    [Fact]
    public void Many_changes_at_once_are_few_signals()
    {
        (PresenceNode one, PresenceNode two) = (_world.Start(), _world.Start());
        _time.Advance(Moment);
        one.Told.Clear();
        UserId[] users = [.. Enumerable.Range(0, 500).Select(_ => new UserId(Guid.NewGuid()))];
        foreach (UserId user in users)
        {
            one.Presence.Connected(Tenant, user, "tab", default);
            one.Presence.SetActivity(Tenant, user, "tab", active: false);
        }

        _time.Advance(Moment);
        PresenceSignal signal = Assert.Single(one.Told);
        Assert.Equal(500, signal.Changes.Count);
        Assert.Equal(500, two.Presence.States(Tenant, users).Count);

        UserId[] more = [.. Enumerable.Range(0, PresenceSignal.ChangesMax + 1).Select(_ => new UserId(Guid.NewGuid()))];
        foreach (UserId user in more)
        {
            one.Presence.Connected(Tenant, user, "tab", default);
        }

        _time.Advance(Moment);
        Assert.Equal([500, PresenceSignal.ChangesMax, 1], one.Told.Select(told => told.Changes.Count));
        Assert.Equal(more.Length, two.Presence.States(Tenant, more).Count);
    }

    [Fact]
    public void Tenants_are_apart_on_other_nodes_too()
    {
        (PresenceNode one, PresenceNode two) = (_world.Start(), _world.Start());
        TenantId other = new(Guid.NewGuid());
        one.Presence.Connected(Tenant, Aoi, "tab", default);
        one.Presence.Connected(other, Beni, "tab", default);
        _time.Advance(Moment);

        Assert.Equal([Aoi], two.Presence.States(Tenant, [Aoi, Beni]).Keys);
        Assert.Equal([Beni], two.Presence.States(other, [Aoi, Beni]).Keys);
    }
}
