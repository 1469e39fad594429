using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>A room of one tenant. Unique over all tenants; see <see cref="DerivedIds"/> for those that are computed.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<RoomId>))]
public readonly record struct RoomId(Guid Value) : ITypedId<RoomId>
{
    public static RoomId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static RoomId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static RoomId Parse(string s, IFormatProvider? provider) => ITypedId<RoomId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out RoomId result) =>
        ITypedId<RoomId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
