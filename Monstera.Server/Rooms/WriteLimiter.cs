using System.Globalization;
using Microsoft.Extensions.Options;
using Monstera.Data.Ids;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Limits;

namespace Monstera.Server.Rooms;

/// <summary>How fast one user may write, over all connections and REST together.</summary>
public sealed class WriteLimiter
{
    private const int UsersMax = 100_000;

    private readonly KeyedTokenBuckets<UserId> _users;
    private readonly int _perSecond;

    public WriteLimiter(IOptions<MonsteraOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        LimitOptions limits = options.Value.Limits;
        _perSecond = limits.WritesPerSecondPerUser;
        _users = new KeyedTokenBuckets<UserId>(new Rate(limits.WritesPerSecondPerUser, limits.WritesBurstPerUser), UsersMax, time);
    }

    /// <summary>Null when the user may write now.</summary>
    public Error? TryTake(Caller caller) =>
        _users.TryTake(caller.User, out int retryAfterMs)
            ? null
            : new Error(
                ErrorCode.RateLimited,
                string.Create(CultureInfo.InvariantCulture, $"Slow down: at most {_perSecond} writes a second for a user."),
                retryAfterMs);
}
