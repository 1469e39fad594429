using System.Globalization;
using System.Text.Json;
using Microsoft.Net.Http.Headers;
using Monstera.Server.Wire;

namespace Monstera.Server.Errors;

/// <summary>An error as a body of HTTP: RFC 9457 problem details around the same object that the hub answers with.</summary>
/// <param name="Type"><c>urn:monstera:error:</c> and the code.</param>
/// <param name="Title">A short text, the same for every occurrence of the code.</param>
/// <param name="Status">The HTTP status.</param>
/// <param name="Error">What the client acts on.</param>
public sealed record Problem(string Type, string Title, int Status, ProblemError Error)
{
    public const string ContentType = "application/problem+json";

    /// <summary>Answers with <paramref name="error"/>. Nothing may have been sent before.</summary>
    /// <param name="status">Another status than the code's own, where HTTP has a more exact one (405).</param>
    public static async Task Write(HttpContext context, Error error, int? status = null)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(error);
        Problem problem = Of(error, status);
        HttpResponse response = context.Response;
        response.StatusCode = problem.Status;
        response.ContentType = Problem.ContentType;
        response.Headers[HeaderNames.CacheControl] = "no-store";
        if (error.RetryAfterMs is { } ms && problem.Status is StatusCodes.Status429TooManyRequests or StatusCodes.Status503ServiceUnavailable)
        {
            response.Headers[HeaderNames.RetryAfter] = ((ms + 999) / 1_000).ToString(CultureInfo.InvariantCulture);
        }

        byte[] body = JsonSerializer.SerializeToUtf8Bytes(problem, WireJson.Options);
        response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await response.Body.WriteAsync(body, context.RequestAborted);
        }
    }

    internal static Problem Of(Error error, int? status)
    {
        string name = ErrorTable.NameOf(error.Code);
        return new Problem(
            "urn:monstera:error:" + name,
            ErrorTable.TitleOf(error.Code),
            status ?? ErrorTable.StatusOf(error.Code),
            new ProblemError(name, error.Message, error.RetryAfterMs));
    }
}

/// <summary>The error object, the same over the hub and over REST.</summary>
/// <param name="Code">From the closed set of docs/protocol.md section 3; says what to do.</param>
/// <param name="Message">For developers, in English; may change.</param>
/// <param name="RetryAfterMs">Present exactly when the same call may be tried again.</param>
public sealed record ProblemError(string Code, string Message, int? RetryAfterMs);

/// <summary>An error as the result of an endpoint.</summary>
public sealed class ErrorResult(Error error) : IResult, IStatusCodeHttpResult
{
    public Error Error { get; } = error;

    public int? StatusCode => ErrorTable.StatusOf(Error.Code);

    public Task ExecuteAsync(HttpContext httpContext) => Problem.Write(httpContext, Error);
}
