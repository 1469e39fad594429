using System.Buffers;
using System.Reflection;
using System.Text.Json;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;
using Monstera.Server.Errors;
using Monstera.Server.Wire;

namespace Monstera.Server.Rest;

/// <summary>What the filter of the API needs to know of any body.</summary>
internal interface IJsonBody
{
    Error? Error { get; }
}

/// <summary>
/// The JSON body of a request: bounded, strictly read, and refused with an error that names the field. A parameter of an endpoint under <see cref="RestFeature.MapApi"/>,
/// whose filter answers the error, so that handlers see only what was read.
/// </summary>
public sealed class JsonBody<T> : IJsonBody, IEndpointParameterMetadataProvider
    where T : class
{
    private readonly Result<T> _result;

    private JsonBody(Result<T> result) => _result = result;

    public Error? Error => _result.Error;

    public T Value => _result.Value ?? throw new InvalidOperationException("The body was refused; the endpoint is not under MapApi.");

    public static async ValueTask<JsonBody<T>> BindAsync(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        return new JsonBody<T>(await Read(context.Request, context.RequestAborted));
    }

    public static void PopulateMetadata(ParameterInfo parameter, EndpointBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Metadata.Add(new AcceptsMetadata(["application/json"], typeof(T)));
    }

    private static async ValueTask<Result<T>> Read(HttpRequest request, CancellationToken cancel)
    {
        if (request.ContentType is null && request.HttpContext.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: false })
        {
            // No body at all is an object without fields, so that calls whose fields are all optional need none.
            return Parse("{}"u8);
        }

        if (!IsJson(request.ContentType))
        {
            return Error.Invalid("Content-Type: application/json in UTF-8 is taken.");
        }

        if (request.ContentLength > ErrorBodies.BodyBytesMax)
        {
            return TooLarge();
        }

        byte[] buffer = ArrayPool<byte>.Shared.Rent(ErrorBodies.BodyBytesMax + 1);
        try
        {
            int length = await request.Body.ReadAtLeastAsync(
                buffer.AsMemory(0, ErrorBodies.BodyBytesMax + 1), ErrorBodies.BodyBytesMax + 1, throwOnEndOfStream: false, cancel);
            return length > ErrorBodies.BodyBytesMax ? TooLarge() : Parse(buffer.AsSpan(0, length));
        }
        finally
        {
            // Passwords pass through here.
            ArrayPool<byte>.Shared.Return(buffer, clearArray: true);
        }
    }

    private static Result<T> Parse(ReadOnlySpan<byte> utf8)
    {
        try
        {
            T? value = JsonSerializer.Deserialize<T>(utf8, WireJson.Options);
            return value is null ? Error.Invalid("The body is null.") : value;
        }
        catch (JsonException e)
        {
            return Error.Invalid(JsonFaults.Explain(e));
        }
    }

    private static bool IsJson(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out MediaTypeHeaderValue? type)
        && type.MediaType.Equals("application/json", StringComparison.OrdinalIgnoreCase)
        && (!type.Charset.HasValue || type.Charset.Equals("utf-8", StringComparison.OrdinalIgnoreCase));

    private static Error TooLarge() => new(ErrorCode.TooLarge, $"The body of a request is at most {ErrorBodies.BodyBytesMax} bytes.");

    private sealed class AcceptsMetadata(string[] contentTypes, Type requestType) : IAcceptsMetadata
    {
        public IReadOnlyList<string> ContentTypes => contentTypes;

        public Type? RequestType => requestType;

        public bool IsOptional => false;
    }
}
