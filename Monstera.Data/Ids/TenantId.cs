using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>A company or team whose people, rooms and messages nobody outside of it can see.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<TenantId>))]
public readonly record struct TenantId(Guid Value) : ITypedId<TenantId>
{
    public static TenantId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static TenantId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static TenantId Parse(string s, IFormatProvider? provider) => ITypedId<TenantId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out TenantId result) =>
        ITypedId<TenantId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
