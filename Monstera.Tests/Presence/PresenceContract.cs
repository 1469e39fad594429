using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Presence;
using Monstera.Tests.Clients;
using static Monstera.Server.Presence.PresenceState;

namespace Monstera.Tests.Presence;

/// <summary>What every implementation of presence is held to.</summary>
public abstract class PresenceContract
{
    private static readonly TenantId Tenant = new(Guid.NewGuid());
    private static readonly UserId Aoi = new(Guid.NewGuid());
    private static readonly UserId Beni = new(Guid.NewGuid());

    private readonly List<PresenceChange> _changes = [];
    private readonly List<PresenceChoice> _choices = [];

    protected FakeTime Time { get; } = new();

    protected abstract IPresence New();

    [Fact]
    public void Online_from_the_first_connection_on_told_once()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab 1", default);
        presence.Connected(Tenant, Aoi, "tab 2", default);
        presence.Connected(Tenant, Aoi, "tab 2", default);

        Assert.Equal([new PresenceChange(Tenant, Aoi, Online)], _changes);
        Assert.Equal([KeyValuePair.Create(Aoi, Online)], presence.States(Tenant, [Aoi, Beni]));
    }

    [Fact]
    public void Offline_some_seconds_after_the_last_connection_went()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab 1", default);
        presence.Connected(Tenant, Aoi, "tab 2", default);
        presence.Disconnected(Tenant, Aoi, "tab 1");
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal(Online, StateOf(presence));
        presence.Disconnected(Tenant, Aoi, "tab 2");
        Assert.Equal(Online, StateOf(presence));
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal([Online, Offline], States);
        Assert.Empty(presence.States(Tenant, [Aoi]));
    }

    [Fact]
    public void A_page_that_reloads_does_not_flicker()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "before", default);
        for (int i = 0; i < 5; i++)
        {
            presence.Disconnected(Tenant, Aoi, i == 0 ? "before" : $"after {i - 1}");
            Time.Advance(TimeSpan.FromSeconds(2));
            presence.Connected(Tenant, Aoi, $"after {i}", default);
        }

        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([Online], States);
    }

    [Fact]
    public void Coming_back_after_being_offline_is_told_again()
    {
        IPresence presence = Heard();
        for (int i = 0; i < 3; i++)
        {
            presence.Connected(Tenant, Aoi, $"{i}", default);
            presence.Disconnected(Tenant, Aoi, $"{i}");
            Time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal([Online, Offline, Online, Offline, Online, Offline], States);
    }

    [Fact]
    public void The_end_of_a_connection_that_never_was_does_nothing()
    {
        IPresence presence = Heard();
        presence.Disconnected(Tenant, Aoi, "nobody");
        presence.SetActivity(Tenant, Aoi, "nobody", active: true);
        presence.Connected(Tenant, Aoi, "tab", default);
        presence.Disconnected(Tenant, Aoi, "another");
        presence.SetActivity(Tenant, Aoi, "another", active: false);
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal(Online, StateOf(presence));
        Assert.Equal([Online], States);
    }

    [Fact]
    public void Of_several_devices_the_most_present_counts()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "desk", default);
        presence.Connected(Tenant, Aoi, "phone", default);
        presence.SetActivity(Tenant, Aoi, "desk", active: false);
        Assert.Equal(Online, StateOf(presence));
        presence.SetActivity(Tenant, Aoi, "phone", active: false);
        Assert.Equal(Idle, StateOf(presence));
        presence.SetActivity(Tenant, Aoi, "phone", active: false);
        presence.Connected(Tenant, Aoi, "in the background", default, active: false);
        Assert.Equal(Idle, StateOf(presence));
        presence.SetActivity(Tenant, Aoi, "desk", active: true);
        presence.Disconnected(Tenant, Aoi, "desk");

        Assert.Equal([Online, Idle, Online, Idle], States);
    }

    [Fact]
    public void Who_chose_to_look_away_is_away_while_a_device_is_connected()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab", default);
        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Away, 1));
        presence.SetActivity(Tenant, Aoi, "tab", active: false);
        presence.SetActivity(Tenant, Aoi, "tab", active: true);
        Assert.Equal(Away, StateOf(presence));
        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Auto, 2));
        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Away, 3));
        presence.Disconnected(Tenant, Aoi, "tab");
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal([Online, Away, Online, Away, Offline], States);
        Assert.Equal([PresenceChoice.Away, PresenceChoice.Auto, PresenceChoice.Away], _choices);
    }

    [Fact]
    public void Who_is_invisible_is_offline_to_everybody()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab", new PresenceSetting(PresenceChoice.Invisible, 4));
        presence.SetActivity(Tenant, Aoi, "tab", active: false);
        presence.SetActivity(Tenant, Aoi, "tab", active: true);
        Assert.Empty(presence.States(Tenant, [Aoi]));
        Assert.True(presence.IsInvisible(Tenant, Aoi));
        Assert.Empty(_changes);

        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Auto, 5));
        Assert.False(presence.IsInvisible(Tenant, Aoi));
        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Invisible, 6));
        presence.Disconnected(Tenant, Aoi, "tab");
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal([Online, Offline], States);
        Assert.False(presence.IsInvisible(Tenant, Aoi));
    }

    /// <summary>Another device may have been told of a later choice before this one says what it read.</summary>
    [Fact]
    public void Of_two_choices_the_later_one_counts_in_whichever_order_they_come()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab 1", new PresenceSetting(PresenceChoice.Invisible, 7));
        presence.Connected(Tenant, Aoi, "tab 2", new PresenceSetting(PresenceChoice.Auto, 6));
        presence.SetChoice(Tenant, Aoi, new PresenceSetting(PresenceChoice.Away, 5));
        Assert.Empty(_changes);
        Assert.Empty(_choices);

        presence.Connected(Tenant, Aoi, "tab 3", new PresenceSetting(PresenceChoice.Away, 8));
        Assert.Equal([Away], States);
        Assert.Equal([PresenceChoice.Away], _choices);
    }

    [Fact]
    public void Tenants_do_not_see_each_other()
    {
        IPresence presence = Heard();
        TenantId other = new(Guid.NewGuid());
        presence.Connected(Tenant, Aoi, "tab", default);
        presence.SetChoice(other, Aoi, new PresenceSetting(PresenceChoice.Away, 1));
        presence.Disconnected(other, Aoi, "tab");
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Empty(presence.States(other, [Aoi]));
        Assert.Equal(Online, StateOf(presence));
    }

    private PresenceState[] States => [.. _changes.Select(change => change.State)];

    private static PresenceState StateOf(IPresence presence) => presence.States(Tenant, [Aoi]).GetValueOrDefault(Aoi);

    private IPresence Heard()
    {
        IPresence presence = New();
        presence.Changed += _changes.Add;
        presence.ChoiceChanged += (_, _, choice) => _choices.Add(choice);
        return presence;
    }
}

public sealed class MemoryPresenceTests : PresenceContract, IDisposable
{
    private MemoryPresence? _presence;

    public void Dispose() => _presence?.Dispose();

    protected override IPresence New() => _presence = new MemoryPresence(Time);
}
