using System.Diagnostics.Metrics;
using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Server.Presence;

/// <summary>Presence of a single node, in memory.</summary>
public sealed class MemoryPresence : IPresence, IDisposable
{
    private readonly PresenceTable _table;

    public MemoryPresence(TimeProvider time, IMeterFactory? meters = null)
    {
        _table = new PresenceTable(time);
        if (meters is not null)
        {
            PresenceMeter.Create(meters, () => _table.Online, () => 0);
        }

        _table.Changed += change => Changed?.Invoke(change);
        _table.ChoiceChanged += (tenant, user, choice) => ChoiceChanged?.Invoke(tenant, user, choice);
    }

    public event Action<PresenceChange>? Changed;

    public event Action<TenantId, UserId, PresenceChoice>? ChoiceChanged;

    public void Connected(TenantId tenant, UserId user, string connection, PresenceSetting setting, bool active = true) =>
        _table.Connected(tenant, user, connection, setting, active);

    public void SetActivity(TenantId tenant, UserId user, string connection, bool active) => _table.SetActivity(tenant, user, connection, active);

    public void Disconnected(TenantId tenant, UserId user, string connection) => _table.Disconnected(tenant, user, connection);

    public void SetChoice(TenantId tenant, UserId user, PresenceSetting setting) => _table.SetChoice(tenant, user, setting);

    public IReadOnlyDictionary<UserId, PresenceState> States(TenantId tenant, IReadOnlyCollection<UserId> users) => _table.States(tenant, users);

    public bool IsInvisible(TenantId tenant, UserId user) => _table.IsInvisible(tenant, user);

    public void Dispose() => _table.Dispose();
}
