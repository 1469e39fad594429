using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Cache;
using Monstera.Server.Configuration;
using Monstera.Server.Errors;
using Monstera.Server.Rooms;

namespace Monstera.Server.ConnectionTokens;

/// <summary>
/// Turns a connection token into a caller: proves the signature, checks the claims, and sees to it that the tenant, the user and the memberships which the token speaks of are there.
/// </summary>
/// <remarks>
/// The first half is done for every token. The second is remembered for a minute, so that the two or three requests of one connection, and reconnecting in a hurry, cost no
/// query; a user of whom all is there already costs reads only.
/// </remarks>
public sealed class ConnectionTokenVerifier : IDisposable
{
    private const int RememberedMax = 20_000;
    private const int TenantsRememberedMax = 10_000;
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan ClockDifference = TimeSpan.FromSeconds(30);

    private readonly IDirectory _directory;
    private readonly IRoomStore _store;
    private readonly RoomActions _rooms;
    private readonly TimeProvider _time;
    private readonly ConnectionTokenOptions _options;
    private readonly SignatureKey? _key;
    private readonly RecentEntries<Ensured, (TenantId Tenant, UserId User)> _ensured;
    private readonly RecentEntries<string, TenantId> _tenants;

    public ConnectionTokenVerifier(
        IDirectory directory, IRoomStore store, RoomActions rooms, IOptions<MonsteraOptions> options, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        _directory = directory;
        _store = store;
        _rooms = rooms;
        _time = time;
        _options = options.Value.ConnectionTokens;
        _key = SignatureKey.From(_options);
        _ensured = new RecentEntries<Ensured, (TenantId, UserId)>(RememberedMax, RememberedFor, time);
        _tenants = new RecentEntries<string, TenantId>(TenantsRememberedMax, TimeSpan.FromHours(1), time);
    }

    public void Dispose() => _key?.Dispose();

    /// <summary>The caller whom <paramref name="token"/> stands for; <see cref="Caller.ExpiresAt"/> is its <c>exp</c>.</summary>
    public async ValueTask<Result<Caller>> Verify(string token, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(token);
        Result<ConnectionToken> read = Read(token);
        if (read.Error is { } refused)
        {
            return refused;
        }

        ConnectionToken claims = read.Value!;
        Ensured ensured = Ensured.Of(claims);
        if (!_ensured.TryGet(ensured, out (TenantId Tenant, UserId User) ids))
        {
            Result<(TenantId Tenant, UserId User, bool IsWhole)> made = await Ensure(claims, cancel);
            if (made.Error is { } error)
            {
                return error;
            }

            ids = (made.Value.Tenant, made.Value.User);
            if (made.Value.IsWhole)
            {
                _ensured.Put(ensured, ids);
            }
        }

        return new Caller(ids.Tenant, ids.User, null, claims.ExpiresAt);
    }

    /// <summary>Everything that can be said of a token without the storage.</summary>
    internal Result<ConnectionToken> Read(string token)
    {
        if (_key is null)
        {
            return new Error(ErrorCode.Unauthenticated, "This server takes no connection tokens: no key is configured.");
        }

        Result<JsonDocument> opened = CompactJwt.Open(token, _key);
        if (opened.Error is { } refused)
        {
            return refused;
        }

        using JsonDocument claims = opened.Value!;
        Result<ConnectionToken> read = ReadClaims(claims.RootElement);
        return read.Error is null ? CheckTimes(read.Value!) : read;
    }

    private Result<ConnectionToken> ReadClaims(JsonElement claims)
    {
        try
        {
            return ConnectionToken.IsFor(claims, _options.Issuer, _options.Audience)
                ? ConnectionToken.Read(claims)
                : new Error(ErrorCode.Unauthenticated, "The connection token is of another issuer or for another audience.");
        }
        catch (InvalidOperationException)
        {
            // What the reader throws for half a surrogate pair in a text.
            return new Error(ErrorCode.Unauthenticated, "The connection token holds text that is not Unicode.");
        }
    }

    private Result<ConnectionToken> CheckTimes(ConnectionToken claims)
    {
        DateTimeOffset now = _time.GetUtcNow();
        if (now >= claims.ExpiresAt + ClockDifference)
        {
            return new Error(ErrorCode.TokenExpired, "The connection token has expired.");
        }

        return claims.NotBefore is { } notBefore && now + ClockDifference < notBefore
            ? new Error(ErrorCode.Unauthenticated, "The connection token is not valid yet.")
            : claims;
    }

    private async ValueTask<Result<(TenantId Tenant, UserId User, bool IsWhole)>> Ensure(ConnectionToken claims, CancellationToken cancel)
    {
        // 1. The tenant and the user. Both are made on first use; what is under way is not cut off when the caller hangs up.
        cancel.ThrowIfCancellationRequested();
        DateTimeOffset now = _time.GetUtcNow();
        if (!_tenants.TryGet(claims.TenantKey, out TenantId tenant))
        {
            tenant = (await _directory.EnsureTenant(claims.TenantKey, now, CancellationToken.None)).Id;
            _tenants.Put(claims.TenantKey, tenant);
        }

        User user = await _directory.EnsureExternalUser(tenant, claims.Subject, claims.Name, now, CancellationToken.None);

        // 2. The memberships: a write for those that are not there yet, all of them in one batch. Rooms that cannot be reached now keep nobody from the others, and are seen to
        // the next time.
        List<Task<Result<Ack>>> admissions = [];
        bool isWhole = true;
        foreach (TokenRoom named in claims.Rooms)
        {
            RoomId room = named.Id ?? DerivedIds.RoomOfKey(tenant, named.Name);
            try
            {
                if (await _store.FindMember(tenant, room, user.Id, cancel) is null)
                {
                    admissions.Add(_rooms.Admit(tenant, room, user.Id, named.Name));
                }
            }
            catch (StorageUnavailableException)
            {
                isWhole = false;
            }
        }

        foreach (Result<Ack> admission in await Task.WhenAll(admissions))
        {
            if (admission.Error is { Code: ErrorCode.Unavailable })
            {
                isWhole = false;
            }
            else if (admission.Error is { } error)
            {
                return error.RetryAfterMs is null
                    ? new Error(ErrorCode.Forbidden, "The connection token names a room that its user cannot be let into: a direct room, or one of another tenant.")
                    : error;
            }
        }

        return (tenant, user.Id, isWhole);
    }

    /// <summary>All of a token that the storage has to agree with.</summary>
    private readonly record struct Ensured(string TenantKey, string Subject, string Name, string RoomsHash)
    {
        public static Ensured Of(ConnectionToken claims)
        {
            if (claims.Rooms.Count == 0)
            {
                return new Ensured(claims.TenantKey, claims.Subject, claims.Name, "");
            }

            // No name holds a control character, so a line feed keeps them apart.
            string rooms = string.Join('\n', claims.Rooms.Select(room => room.Id is { } id ? "id " + id : "key " + room.Name));
            return new Ensured(claims.TenantKey, claims.Subject, claims.Name, Convert.ToHexString(SHA256.HashData(Encoding.UTF8.GetBytes(rooms))));
        }
    }
}
