using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>A signed-in session of a user: one browser, or one bearer token.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<SessionId>))]
public readonly record struct SessionId(Guid Value) : ITypedId<SessionId>
{
    public static SessionId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static SessionId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static SessionId Parse(string s, IFormatProvider? provider) => ITypedId<SessionId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out SessionId result) =>
        ITypedId<SessionId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
