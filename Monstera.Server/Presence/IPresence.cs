using Monstera.Data.Ids;

namespace Monstera.Server.Presence;

/// <summary>Somebody came or went.</summary>
public readonly record struct PresenceChange(TenantId Tenant, UserId User, bool Online);

/// <summary>
/// Who is connected: a user is online while a connection of theirs holds a lease. Losable by design: it says who is here now, and nothing is ever decided by it.
/// </summary>
/// <remarks>PresenceContract holds every implementation to: online from the first connection on; offline only some seconds after the last one went (a page
/// that reloads does not flicker); changes are raised once each, in the order in which they happened for a user; no method waits or throws.</remarks>
public interface IPresence
{
    void Connected(TenantId tenant, UserId user, string connection);

    void Disconnected(TenantId tenant, UserId user, string connection);

    /// <summary>Those of the users who are online.</summary>
    IReadOnlyList<UserId> Online(TenantId tenant, IReadOnlyCollection<UserId> users);

    event Action<PresenceChange>? Changed;
}
