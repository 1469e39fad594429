using System.Diagnostics.CodeAnalysis;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>An invitation to a workspace. Not the secret code that is in its link.</summary>
[JsonConverter(typeof(TypedIdJsonConverter<InviteId>))]
public readonly record struct InviteId(Guid Value) : ITypedId<InviteId>
{
    public static InviteId From(Guid value) => new(value);

    /// <summary>A new id (UUIDv7: roughly in order of time, which keeps indexes compact).</summary>
    public static InviteId New(DateTimeOffset now) => new(Guid.CreateVersion7(now));

    public static InviteId Parse(string s, IFormatProvider? provider) => ITypedId<InviteId>.ParseText(s);

    public static bool TryParse([NotNullWhen(true)] string? s, IFormatProvider? provider, out InviteId result) =>
        ITypedId<InviteId>.TryParseText(s, out result);

    public override string ToString() => Value.ToString("D");
}
