namespace Monstera.Server.Errors;

/// <summary>The table of docs/protocol.md section 3: what each code is called, and its status and title over HTTP.</summary>
public static class ErrorTable
{
    /// <summary>The code as it stands on the wire.</summary>
    public static string NameOf(ErrorCode code) => Row(code).Name;

    public static int StatusOf(ErrorCode code) => Row(code).Status;

    /// <summary>The problem's title: the same for every occurrence of the code.</summary>
    public static string TitleOf(ErrorCode code) => Row(code).Title;

    private static (string Name, int Status, string Title) Row(ErrorCode code) => code switch
    {
        ErrorCode.Invalid => ("invalid", StatusCodes.Status400BadRequest, "Invalid request"),
        ErrorCode.TooLarge => ("too_large", StatusCodes.Status413PayloadTooLarge, "Too large"),
        ErrorCode.UnknownMethod => ("unknown_method", StatusCodes.Status404NotFound, "No such method"),
        ErrorCode.HelloRequired => ("hello_required", StatusCodes.Status409Conflict, "Hello comes first"),
        ErrorCode.Unauthenticated => ("unauthenticated", StatusCodes.Status401Unauthorized, "Not signed in"),
        ErrorCode.TokenExpired => ("token_expired", StatusCodes.Status401Unauthorized, "The connection token has expired"),
        ErrorCode.Forbidden => ("forbidden", StatusCodes.Status403Forbidden, "Not allowed"),
        ErrorCode.NotFound => ("not_found", StatusCodes.Status404NotFound, "Not found"),
        ErrorCode.Gone => ("gone", StatusCodes.Status410Gone, "Gone"),
        ErrorCode.Conflict => ("conflict", StatusCodes.Status409Conflict, "Against the present state"),
        ErrorCode.RateLimited => ("rate_limited", StatusCodes.Status429TooManyRequests, "Too many calls"),
        ErrorCode.LockedOut => ("locked_out", StatusCodes.Status429TooManyRequests, "Too many wrong passwords"),
        ErrorCode.Overloaded => ("overloaded", StatusCodes.Status503ServiceUnavailable, "Too much to do"),
        ErrorCode.Unavailable => ("unavailable", StatusCodes.Status503ServiceUnavailable, "The storage does not answer"),
        _ => ("internal", StatusCodes.Status500InternalServerError, "A bug in the server"),
    };
}
