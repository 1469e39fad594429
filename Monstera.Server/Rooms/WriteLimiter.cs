using System.Globalization;
using Microsoft.Extensions.Options;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Limits;

namespace Monstera.Server.Rooms;

/// <summary>How fast one user may write, over all connections and REST together, and how fast all users of a tenant. On all nodes: <see cref="NodesLimits"/>.</summary>
public sealed class WriteLimiter
{
    private const int UsersMax = 100_000;
    private const int TenantsMax = 10_000;

    private readonly KeyedTokenBuckets<UserId> _users;
    private readonly KeyedTokenBuckets<TenantId> _tenants;
    private readonly LimitOptions _limits;
    private readonly LimitsMeter? _meter;

    public WriteLimiter(IOptions<MonsteraOptions> options, NodesLimits nodes, TimeProvider time, LimitsMeter? meter = null)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(nodes);
        _limits = options.Value.Limits;
        _meter = meter;
        _users = new KeyedTokenBuckets<UserId>(new Rate(_limits.WritesPerSecondPerUser, _limits.WritesBurstPerUser), UsersMax, time);
        _tenants = new KeyedTokenBuckets<TenantId>(new Rate(_limits.WritesPerSecondPerTenant, _limits.WritesBurstPerTenant), TenantsMax, time);
        nodes.Share("user-writes", _users);
        nodes.Share("tenant-writes", _tenants);
    }

    /// <summary>Null when the user may write now.</summary>
    public Error? TryTake(Caller caller)
    {
        ArgumentNullException.ThrowIfNull(caller);

        // The user first: who is refused takes nothing from the others.
        if (!_users.TryTake(caller.User, out int retryAfterMs))
        {
            _meter?.Count("write_user");
            return Refused(_limits.WritesPerSecondPerUser, "a user", retryAfterMs);
        }

        if (!_tenants.TryTake(caller.Tenant, out retryAfterMs))
        {
            _meter?.Count("write_tenant");
            return Refused(_limits.WritesPerSecondPerTenant, "all users together", retryAfterMs);
        }

        return null;
    }

    private static Error Refused(int perSecond, string whom, int retryAfterMs) =>
        new(ErrorCode.RateLimited, string.Create(CultureInfo.InvariantCulture, $"Slow down: at most {perSecond} writes a second for {whom}."), retryAfterMs);
}
