using System.Text.Json;
using System.Text.Json.Serialization;

namespace Monstera.Data.Ids;

/// <summary>
/// An id of one kind of thing: a UUID that cannot be mistaken for the id of another kind. As text it is lower case with
/// hyphens; parsing takes upper case too and nothing but the 36-character form.
/// </summary>
public interface ITypedId<TSelf> : IParsable<TSelf>
    where TSelf : struct, ITypedId<TSelf>
{
    Guid Value { get; }

    static abstract TSelf From(Guid value);

    static bool TryParseText(string? text, out TSelf id)
    {
        bool ok = Guid.TryParseExact(text, "D", out Guid value);
        id = TSelf.From(value);
        return ok;
    }

    static TSelf ParseText(string text) =>
        TryParseText(text, out TSelf id) ? id : throw new FormatException($"Not a {typeof(TSelf).Name}.");
}

/// <summary>Writes a typed id as its text, as a value and as a property name.</summary>
public sealed class TypedIdJsonConverter<TId> : JsonConverter<TId>
    where TId : struct, ITypedId<TId>
{
    public override TId Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) =>
        reader.TokenType == JsonTokenType.String && reader.TryGetGuid(out Guid value)
            ? TId.From(value)
            : throw new JsonException($"Not a {typeof(TId).Name}.");

    public override void Write(Utf8JsonWriter writer, TId value, JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(writer);
        writer.WriteStringValue(value.Value);
    }
}
