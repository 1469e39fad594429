namespace Monstera.Server.Errors;

/// <summary>Says what the framework found wrong with a request's parameters, without its type names.</summary>
internal static class BadRequests
{
    public static Error Explain(BadHttpRequestException e)
    {
        if (e.StatusCode == StatusCodes.Status413PayloadTooLarge)
        {
            return new Error(ErrorCode.TooLarge, $"The body of a request is at most {ErrorBodies.BodyBytesMax} bytes.");
        }

        // 'Failed to bind parameter "RoomId room" from "abc".' and 'Required parameter "long seq" was not provided from query string.'
        string[] quoted = e.Message.Split('"');
        if (quoted.Length >= 3 && quoted[1].LastIndexOf(' ') is > 0 and int space)
        {
            bool missing = e.Message.StartsWith("Required", StringComparison.Ordinal);
            return Error.Invalid($"{quoted[1][(space + 1)..]}: {(missing ? "missing." : "not of the right form.")}");
        }

        return Error.Invalid("The request is malformed.");
    }
}
