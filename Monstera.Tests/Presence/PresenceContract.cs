using Monstera.Data.Ids;
using Monstera.Server.Presence;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Presence;

/// <summary>What every implementation of presence is held to.</summary>
public abstract class PresenceContract
{
    private static readonly TenantId Tenant = new(Guid.NewGuid());
    private static readonly UserId Aoi = new(Guid.NewGuid());
    private static readonly UserId Beni = new(Guid.NewGuid());

    private readonly List<PresenceChange> _changes = [];

    protected FakeTime Time { get; } = new();

    protected abstract IPresence New();

    [Fact]
    public void Online_from_the_first_connection_on_told_once()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab 1");
        presence.Connected(Tenant, Aoi, "tab 2");
        presence.Connected(Tenant, Aoi, "tab 2");

        Assert.Equal([new PresenceChange(Tenant, Aoi, true)], _changes);
        Assert.Equal([Aoi], presence.Online(Tenant, [Aoi, Beni]));
    }

    [Fact]
    public void Offline_some_seconds_after_the_last_connection_went()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab 1");
        presence.Connected(Tenant, Aoi, "tab 2");
        presence.Disconnected(Tenant, Aoi, "tab 1");
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([Aoi], presence.Online(Tenant, [Aoi]));
        presence.Disconnected(Tenant, Aoi, "tab 2");
        Assert.Equal([Aoi], presence.Online(Tenant, [Aoi]));
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal([true, false], _changes.Select(change => change.Online));
        Assert.Empty(presence.Online(Tenant, [Aoi]));
    }

    [Fact]
    public void A_page_that_reloads_does_not_flicker()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "before");
        for (int i = 0; i < 5; i++)
        {
            presence.Disconnected(Tenant, Aoi, i == 0 ? "before" : $"after {i - 1}");
            Time.Advance(TimeSpan.FromSeconds(2));
            presence.Connected(Tenant, Aoi, $"after {i}");
        }

        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal([true], _changes.Select(change => change.Online));
    }

    [Fact]
    public void Coming_back_after_being_offline_is_told_again()
    {
        IPresence presence = Heard();
        for (int i = 0; i < 3; i++)
        {
            presence.Connected(Tenant, Aoi, $"{i}");
            presence.Disconnected(Tenant, Aoi, $"{i}");
            Time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal([true, false, true, false, true, false], _changes.Select(change => change.Online));
    }

    [Fact]
    public void The_end_of_a_connection_that_never_was_does_nothing()
    {
        IPresence presence = Heard();
        presence.Disconnected(Tenant, Aoi, "nobody");
        presence.Connected(Tenant, Aoi, "tab");
        presence.Disconnected(Tenant, Aoi, "another");
        Time.Advance(TimeSpan.FromMinutes(1));

        Assert.Equal([Aoi], presence.Online(Tenant, [Aoi]));
    }

    [Fact]
    public void Tenants_do_not_see_each_other()
    {
        IPresence presence = Heard();
        presence.Connected(Tenant, Aoi, "tab");

        Assert.Empty(presence.Online(new TenantId(Guid.NewGuid()), [Aoi]));
    }

    private IPresence Heard()
    {
        IPresence presence = New();
        presence.Changed += _changes.Add;
        return presence;
    }
}

public sealed class MemoryPresenceTests : PresenceContract, IDisposable
{
    private MemoryPresence? _presence;

    public void Dispose() => _presence?.Dispose();

    protected override IPresence New() => _presence = new MemoryPresence(Time);
}
