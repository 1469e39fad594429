using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>A person (or program) of one tenant.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<UserId>))]
public readonly record struct UserId(Guid Value) : ITypedId<UserId>
{
    public static UserId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static UserId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static UserId Parse(string s, IFormatProvider? provider) => ITypedId<UserId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out UserId result) =>
        ITypedId<UserId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
