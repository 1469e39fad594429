using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>Chosen by a client for each write, so that a retry at any time later is recognised. Unique per room and sender.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<ClientId>))]
public readonly record struct ClientId(Guid Value) : ITypedId<ClientId>
{
    public static ClientId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static ClientId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static ClientId Parse(string s, IFormatProvider? provider) => ITypedId<ClientId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out ClientId result) =>
        ITypedId<ClientId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
