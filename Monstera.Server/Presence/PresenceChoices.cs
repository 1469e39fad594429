using Monstera.Data.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;

namespace Monstera.Server.Presence;

public sealed record PresenceRequest(PresenceChoice Choice);

/// <summary>What one has chosen that others see of one's presence.</summary>
public sealed record PresenceView(PresenceChoice Choice)
{
    public static PresenceView Of(User user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return new PresenceView(user.Presence.Choice);
    }
}

/// <summary>Keeps what users choose that others see of them, and puts it into force.</summary>
public sealed class PresenceChoices(IDirectory directory, IPresence presence, WriteLimiter limiter)
{
    public async Task<Result<PresenceView>> Set(Caller caller, PresenceRequest request)
    {
        ArgumentNullException.ThrowIfNull(caller);
        ArgumentNullException.ThrowIfNull(request);
        if (limiter.TryTake(caller) is { } limited)
        {
            return limited;
        }

        if (await directory.SetPresenceChoice(caller.Tenant, caller.User, request.Choice, CancellationToken.None) is not { } setting)
        {
            return Error.NotFound("user");
        }

        presence.SetChoice(caller.Tenant, caller.User, setting);
        return new PresenceView(setting.Choice);
    }
}
