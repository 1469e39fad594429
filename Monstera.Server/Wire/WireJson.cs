using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;

namespace Monstera.Server.Wire;

/// <summary>
/// How everything is written to and read from the wire, over the hub and over REST (docs/protocol.md section 2): camelCase, absent rather than null, strict
/// about what comes in (missing and null fields, wrong types and doubled names are errors), lenient about unknown fields.
/// </summary>
public static class WireJson
{
    /// <summary>Deeper JSON is refused; the protocol's own is at most 5 deep.</summary>
    private const int DepthMax = 16;

    public static JsonSerializerOptions Options { get; } = Create();

    /// <summary>Gives <paramref name="options"/>, which a framework owns, the wire's settings.</summary>
    public static void Configure(JsonSerializerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.PropertyNamingPolicy = JsonNamingPolicy.CamelCase;
        options.PropertyNameCaseInsensitive = false;
        options.DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull;
        options.NumberHandling = JsonNumberHandling.Strict;
        options.RespectNullableAnnotations = true;
        options.RespectRequiredConstructorParameters = true;
        options.AllowDuplicateProperties = false;
        options.MaxDepth = DepthMax;

        // Text goes out as UTF-8 rather than \u escapes: a third of the bytes for Japanese. Pages never paste JSON into HTML.
        options.Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping;
        options.Converters.Add(new WireTimeConverter());
        options.Converters.Add(new RoomEventConverter());
        options.Converters.Add(new TimelineItemConverter());
        options.Converters.Add(new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false));
        if (options.TypeInfoResolverChain.Count == 0)
        {
            options.TypeInfoResolverChain.Add(new DefaultJsonTypeInfoResolver());
        }
    }

    private static JsonSerializerOptions Create()
    {
        JsonSerializerOptions options = new();
        Configure(options);
        options.MakeReadOnly();
        return options;
    }
}
