using System.Reflection;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Server.Accounts;
using Monstera.Server.Configuration;
using Monstera.Server.ConnectionTokens;
using Monstera.Server.Errors;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Rooms;

namespace Monstera.Server.Realtime.Hub;

/// <summary>Says who the two sides are and what holds between them.</summary>
public sealed class Greeting(
    IDirectory directory,
    SessionEndings endings,
    ConnectionTokenVerifier tokens,
    IPresence presence,
    Node node,
    IOptions<MonsteraOptions> options,
    TimeProvider time)
{
    public const int ProtocolVersion = 1;
    public const int FrameBytesMax = 65_536;
    public const int CallsInFlightMax = 64;

    private static readonly string Version =
        typeof(Greeting).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion ?? "unknown";

    public async Task<Result<HelloReply>> Hello(ChatConnection connection, HelloRequest request)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(request);
        if (request.Protocol != ProtocolVersion)
        {
            return Error.Invalid($"protocol: this server speaks version {ProtocolVersion}.");
        }

        Caller caller = connection.Caller;
        User? user = await directory.FindUser(caller.Tenant, caller.User, CancellationToken.None);
        Tenant? tenant = await directory.FindTenant(caller.Tenant, CancellationToken.None);
        if (user is null || tenant is null)
        {
            return new Error(ErrorCode.Unauthenticated, "The account is gone.");
        }

        // Between authentication and the moment from which this connection hears of endings its session may have ended.
        if (caller.Session is { } session && endings.EndedLately(session))
        {
            return new Error(ErrorCode.Unauthenticated, "The session has ended.");
        }

        connection.SaidHello = true;

        // Not before it is known what others may see.
        presence.Connected(caller.Tenant, caller.User, connection.Id, user.Presence, request.Active);
        if (connection.IsEnded)
        {
            // It ended meanwhile, perhaps before it was there.
            presence.Disconnected(caller.Tenant, caller.User, connection.Id);
        }

        return new HelloReply(
            ProtocolVersion,
            connection.Id,
            new HelloUser(user.Id, user.UserName, user.DisplayName, user.Role),
            new HelloTenant(tenant.Id, tenant.Key, tenant.Name),
            new HelloServer(Version, node.Name),
            Limits(options.Value.Limits),
            PresenceView.Of(user),
            time.GetUtcNow(),
            caller.ExpiresAt);
    }

    /// <summary>A newer connection token of the same user: the connection ends later.</summary>
    public async Task<Result<RefreshReply>> Refresh(ChatConnection connection, RefreshRequest request)
    {
        ArgumentNullException.ThrowIfNull(connection);
        ArgumentNullException.ThrowIfNull(request);
        if (connection.Caller.ExpiresAt is null)
        {
            return Error.Invalid("token: this connection was not opened with a connection token.");
        }

        Result<Caller> newer = await tokens.Verify(request.Token, CancellationToken.None);
        if (newer.Error is { } error)
        {
            return error;
        }

        if (newer.Value!.Tenant != connection.Caller.Tenant || newer.Value.User != connection.Caller.User)
        {
            return new Error(ErrorCode.Forbidden, "token: of another user.");
        }

        connection.Caller = newer.Value;
        return new RefreshReply(newer.Value.ExpiresAt!.Value);
    }

    private static HelloLimits Limits(LimitOptions limits) => new(
        FrameBytesMax,
        TextRules.MessageCharsMax,
        Resumption.RoomsMax,
        Resumption.SubscriptionsMax,
        OpenRooms.PerConnectionMax,
        CallsInFlightMax,
        limits.WritesPerSecondPerConnection,
        limits.WritesBurstPerConnection,
        limits.WritesPerSecondPerUser,
        limits.WritesBurstPerUser,
        limits.WritesPerSecondPerTenant,
        limits.WritesBurstPerTenant,
        limits.CallsPerSecondPerConnection,
        limits.CallsBurstPerConnection);
}
