using Monstera.Data;
using Monstera.Server.Hosting;

namespace Monstera.Server.Errors;

/// <summary>
/// The outermost middleware: whatever goes wrong, and whatever is refused without a body (unknown addresses and methods, the framework's own refusals), is answered with
/// the one error body of docs/protocol.md section 3.
/// </summary>
public sealed partial class ErrorBodies(RequestDelegate next, TimeProvider time, ILogger<ErrorBodies> log)
{
    /// <summary>Of a request; the server itself reads no further either.</summary>
    public const int BodyBytesMax = 65_536;

    private readonly Seldom _complaints = Seldom.OfCalls(time);

    public async Task Invoke(HttpContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        try
        {
            await next(context);
        }
        catch (Exception e)
        {
            if (!await Answer(context, e))
            {
                throw;
            }

            return;
        }

        if (!context.Response.HasStarted && OfStatus(context) is { } error)
        {
            // The status is the code's own, but where HTTP has rules for another (405 comes with Allow).
            bool keep = context.Response.StatusCode == StatusCodes.Status405MethodNotAllowed;
            await Problem.Write(context, error, keep ? context.Response.StatusCode : null);
        }
    }

    /// <returns>False when it is too late for an answer: the exception goes on and the connection is cut, so that no client takes half an answer for a whole one.</returns>
    private async Task<bool> Answer(HttpContext context, Exception e)
    {
        if (context.RequestAborted.IsCancellationRequested && e is OperationCanceledException or IOException)
        {
            // Nobody is left to answer.
            return true;
        }

        Error? error = e switch
        {
            BadHttpRequestException bad => BadRequests.Explain(bad),
            StorageUnavailableException => Error.Unavailable(),
            _ => null,
        };

        if (e is StorageUnavailableException && _complaints.IsTime())
        {
            LogUnavailable(log, e, context.Request.Method, context.Request.Path);
        }

        if (error is null)
        {
            LogUnhandled(log, e, context.Request.Method, context.Request.Path);
            error = new Error(ErrorCode.Internal, "A bug in the server. It was logged.");
        }

        if (context.Response.HasStarted)
        {
            return false;
        }

        // What the failed endpoint had prepared goes; CORS and security headers are added when the answer starts.
        context.Response.Clear();
        await Problem.Write(context, error);
        return true;
    }

    /// <summary>An error without a body of its own gets one; a body that is there is left alone.</summary>
    private static Error? OfStatus(HttpContext context)
    {
        HttpResponse response = context.Response;
        if (response.StatusCode < StatusCodes.Status400BadRequest || response.ContentLength is > 0 || response.ContentType is not null)
        {
            return null;
        }

        return response.StatusCode switch
        {
            StatusCodes.Status401Unauthorized => new Error(ErrorCode.Unauthenticated, "Not signed in."),
            StatusCodes.Status403Forbidden => new Error(ErrorCode.Forbidden, "Not allowed."),
            StatusCodes.Status404NotFound => Error.NotFound("address"),
            StatusCodes.Status405MethodNotAllowed => new Error(
                ErrorCode.UnknownMethod, $"This address has no {Shortened(context.Request.Method)}; the header Allow names what it has."),
            StatusCodes.Status413PayloadTooLarge => new Error(ErrorCode.TooLarge, $"The body of a request is at most {BodyBytesMax} bytes."),
            StatusCodes.Status415UnsupportedMediaType => Error.Invalid("Content-Type: application/json in UTF-8 is taken."),
            StatusCodes.Status429TooManyRequests => new Error(ErrorCode.RateLimited, "Too many calls.", 1_000),
            StatusCodes.Status503ServiceUnavailable => new Error(ErrorCode.Overloaded, "The server has too much to do.", 1_000),
            < StatusCodes.Status500InternalServerError => Error.Invalid("The request is not what this address takes."),
            _ => new Error(ErrorCode.Internal, "A bug in the server."),
        };
    }

    private static string Shortened(string method) => method.Length <= 16 ? method : method[..16];

    [LoggerMessage(2000, LogLevel.Error, "{Method} {Path} failed.")]
    private static partial void LogUnhandled(ILogger logger, Exception exception, string method, PathString path);

    [LoggerMessage(2001, LogLevel.Warning, "{Method} {Path}: the storage does not answer; said every ten seconds at most.")]
    private static partial void LogUnavailable(ILogger logger, Exception exception, string method, PathString path);
}
