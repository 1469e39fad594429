using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Monstera.Server.Cache;

/// <summary>
/// How a record of the directory stands in the shared cache: JSON, under a name that depends on the record's fields, so that nodes of two versions with different fields never read each
/// other's.
/// </summary>
internal static class SharedRecord<T>
    where T : class
{
    // Strict: what lacks a field is no such record.
    private static readonly JsonSerializerOptions Json = new() { RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true };

    /// <summary>Changes when a field is added, removed, renamed or of another type.</summary>
    public static readonly string Name = typeof(T).Name.ToLowerInvariant() + "-" + Convert.ToHexStringLower(SHA256.HashData(
        Encoding.UTF8.GetBytes(string.Join(';', typeof(T).GetProperties().Select(field => $"{field.Name} {field.PropertyType}")))))[..8];

    public static byte[] Write(T record) => JsonSerializer.SerializeToUtf8Bytes(record, Json);

    /// <summary>Null for what is no such record.</summary>
    public static T? Read(ReadOnlySpan<byte> json)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(json, Json);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
