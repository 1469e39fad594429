using System.Text.Json.Serialization;

namespace Monstera.Server.Errors;

/// <summary>The closed set of docs/protocol.md section 3. On the wire in snake_case.</summary>
public enum ErrorCode
{
    [JsonStringEnumMemberName("internal")]
    Internal,

    [JsonStringEnumMemberName("invalid")]
    Invalid,

    [JsonStringEnumMemberName("too_large")]
    TooLarge,

    [JsonStringEnumMemberName("unknown_method")]
    UnknownMethod,

    [JsonStringEnumMemberName("hello_required")]
    HelloRequired,

    [JsonStringEnumMemberName("unauthenticated")]
    Unauthenticated,

    [JsonStringEnumMemberName("token_expired")]
    TokenExpired,

    [JsonStringEnumMemberName("forbidden")]
    Forbidden,

    [JsonStringEnumMemberName("not_found")]
    NotFound,

    [JsonStringEnumMemberName("gone")]
    Gone,

    [JsonStringEnumMemberName("conflict")]
    Conflict,

    [JsonStringEnumMemberName("rate_limited")]
    RateLimited,

    [JsonStringEnumMemberName("locked_out")]
    LockedOut,

    [JsonStringEnumMemberName("overloaded")]
    Overloaded,

    [JsonStringEnumMemberName("unavailable")]
    Unavailable,
}
