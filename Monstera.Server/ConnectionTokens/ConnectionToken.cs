using System.Text.Json;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Errors;

namespace Monstera.Server.ConnectionTokens;

/// <summary>A room that a token lets its user into.</summary>
/// <param name="Id">Set when the token names the room by its id; otherwise it follows from the tenant and <paramref name="Name"/>.</param>
/// <param name="Name">The key, and the name of the room if it has to be made.</param>
internal readonly record struct TokenRoom(RoomId? Id, string Name);

/// <summary>What a host product says of a user: the claims of docs/protocol.md section 4, checked for their form.</summary>
internal sealed record ConnectionToken(
    string Subject, string Name, string TenantKey, IReadOnlyList<TokenRoom> Rooms, DateTimeOffset ExpiresAt, DateTimeOffset? NotBefore)
{
    private const int SubjectCharsMax = 255;
    private const int NameCharsMax = 64;
    private const int KeyCharsMax = 64;
    private const int RoomsMax = 100;

    /// <summary>Reads the claims of a payload whose signature was verified.</summary>
    public static Result<ConnectionToken> Read(JsonElement claims)
    {
        string? subject = TextOf(claims, "sub", SubjectCharsMax);
        if (subject is null)
        {
            return Malformed("sub", $"a text of 1 to {SubjectCharsMax} characters");
        }

        bool named = claims.TryGetProperty("name", out _);
        string? name = named ? TextOf(claims, "name", NameCharsMax) : Shortened(subject);
        if (string.IsNullOrWhiteSpace(name))
        {
            return Malformed("name", $"a text of 1 to {NameCharsMax} characters");
        }

        string? tenant = claims.TryGetProperty("tenant", out _) ? TextOf(claims, "tenant", KeyCharsMax) : Tenant.DefaultKey;
        if (tenant is null || !tenant.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '_' or '-'))
        {
            return Malformed("tenant", $"1 to {KeyCharsMax} characters of a-z 0-9 . _ -");
        }

        if (TimeOf(claims, "exp") is not { } expiresAt)
        {
            return Malformed("exp", "a number of seconds since 1970");
        }

        DateTimeOffset? notBefore = TimeOf(claims, "nbf");
        if (notBefore is null && claims.TryGetProperty("nbf", out _))
        {
            return Malformed("nbf", "a number of seconds since 1970");
        }

        return RoomsOf(claims) is { } rooms
            ? new ConnectionToken(subject, name.Trim(), tenant, rooms, expiresAt, notBefore)
            : Malformed("rooms", $"at most {RoomsMax} texts, each a room's id or a key of 1 to {KeyCharsMax} characters");
    }

    /// <summary>Whether <c>iss</c> is the one that is wanted, and <c>aud</c> is or holds the one that is wanted.</summary>
    public static bool IsFor(JsonElement claims, string? issuer, string? audience) =>
        (issuer is null || (claims.TryGetProperty("iss", out JsonElement iss) && IsText(iss, issuer)))
        && (audience is null || (claims.TryGetProperty("aud", out JsonElement aud)
            && (aud.ValueKind == JsonValueKind.Array ? aud.EnumerateArray().Any(one => IsText(one, audience)) : IsText(aud, audience))));

    private static bool IsText(JsonElement element, string text) => element.ValueKind == JsonValueKind.String && element.ValueEquals(text);

    private static List<TokenRoom>? RoomsOf(JsonElement claims)
    {
        if (!claims.TryGetProperty("rooms", out JsonElement list))
        {
            return [];
        }

        if (list.ValueKind != JsonValueKind.Array || list.GetArrayLength() > RoomsMax)
        {
            return null;
        }

        List<TokenRoom> rooms = new(list.GetArrayLength());
        foreach (JsonElement element in list.EnumerateArray())
        {
            if (Text(element, KeyCharsMax) is not { } key || string.IsNullOrWhiteSpace(key))
            {
                return null;
            }

            rooms.Add(RoomId.TryParse(key, null, out RoomId id) ? new TokenRoom(id, id.ToString()) : new TokenRoom(null, key));
        }

        return rooms;
    }

    private static string? TextOf(JsonElement claims, string claim, int charsMax) =>
        claims.TryGetProperty(claim, out JsonElement element) ? Text(element, charsMax) : null;

    /// <summary>Throws <see cref="InvalidOperationException"/> for lone surrogates, as the JSON reader does.</summary>
    private static string? Text(JsonElement element, int charsMax) =>
        element.ValueKind == JsonValueKind.String && element.GetString() is { Length: > 0 } text && text.Length <= charsMax && !text.Any(char.IsControl)
            ? text
            : null;

    private static DateTimeOffset? TimeOf(JsonElement claims, string claim)
    {
        // Up to the year 9999; fractions are allowed.
        const double secondsMax = 253_402_300_799;
        return claims.TryGetProperty(claim, out JsonElement element)
            && element.ValueKind == JsonValueKind.Number
            && element.TryGetDouble(out double seconds)
            && seconds is >= 0 and <= secondsMax
                ? DateTimeOffset.UnixEpoch.AddSeconds(seconds)
                : null;
    }

    private static string Shortened(string subject)
    {
        if (subject.Length <= NameCharsMax)
        {
            return subject;
        }

        // Never half of a surrogate pair.
        return subject[..(char.IsHighSurrogate(subject[NameCharsMax - 1]) ? NameCharsMax - 1 : NameCharsMax)];
    }

    private static Error Malformed(string claim, string rule) => new(ErrorCode.Unauthenticated, $"The connection token's {claim} must be {rule}.");
}
