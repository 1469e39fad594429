using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Server.Presence;

/// <summary>What others see of whether somebody is here.</summary>
public enum PresenceState : byte
{
    Offline = 0,
    Away = 1,
    Idle = 2,
    Online = 3,
}

/// <summary>What others see of somebody has changed.</summary>
public readonly record struct PresenceChange(TenantId Tenant, UserId User, PresenceState State);

/// <summary>
/// Who is here: a user is online while one of their devices is in use, idle while they are only connected, and otherwise offline, unless they chose to look away or offline. Losable
/// by design: it says who is here now, and nothing is ever decided by it.
/// </summary>
/// <remarks>PresenceContract holds every implementation to: of several devices the most present counts; offline only some seconds after the last connection went (a page that reloads
/// does not flicker); the setting with the greatest version counts, from whichever connection or node it came, and whoever is invisible is offline in every answer and change; changes
/// are raised once each, in the order in which they happened for a user; no method waits or throws. Handlers must be quick and must not throw.</remarks>
public interface IPresence
{
    /// <summary>A device has connected. Again for a connection that is known: as if it said whether it is in use, and the setting.</summary>
    void Connected(TenantId tenant, UserId user, string connection, PresenceSetting setting, bool active = true);

    /// <summary>Whether the device is in use. A connection that is not known changes nothing.</summary>
    void SetActivity(TenantId tenant, UserId user, string connection, bool active);

    void Disconnected(TenantId tenant, UserId user, string connection);

    /// <summary>The user's choice has changed, on whatever connection.</summary>
    void SetChoice(TenantId tenant, UserId user, PresenceSetting setting);

    /// <summary>Those of the users who are not offline.</summary>
    IReadOnlyDictionary<UserId, PresenceState> States(TenantId tenant, IReadOnlyCollection<UserId> users);

    /// <summary>Whether the user is connected and wants to look as if they were not.</summary>
    bool IsInvisible(TenantId tenant, UserId user);

    event Action<PresenceChange>? Changed;

    /// <summary>The choice of a user who is connected to this node has changed: for the user's own devices.</summary>
    event Action<TenantId, UserId, PresenceChoice>? ChoiceChanged;
}
