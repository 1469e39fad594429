using Microsoft.AspNetCore.SignalR;
using Monstera.Data;
using Monstera.Server.Errors;

namespace Monstera.Server.Realtime;

/// <summary>What stands before every call of the hub, and what becomes of its failures.</summary>
public sealed partial class CallGuard(ILogger<CallGuard> log) : IHubFilter
{
    private static readonly HashSet<string> Writes = new(StringComparer.OrdinalIgnoreCase)
    {
        nameof(ChatHub.Send), nameof(ChatHub.Edit), nameof(ChatHub.Delete), nameof(ChatHub.React), nameof(ChatHub.Pin),
    };

    public async ValueTask<object?> InvokeMethodAsync(HubInvocationContext invocationContext, Func<HubInvocationContext, ValueTask<object?>> next)
    {
        ArgumentNullException.ThrowIfNull(invocationContext);
        ArgumentNullException.ThrowIfNull(next);
        ChatConnection connection = ChatHub.ConnectionOf(invocationContext.Context);
        string method = invocationContext.HubMethodName;

        // 1. Signed out: nothing more.
        if (connection.IsEnded)
        {
            return new ErrorReply(new Error(ErrorCode.Unauthenticated, "This connection was signed out."));
        }

        // 2. Not faster than allowed; errors count too.
        if (connection.Limiter.TryTake(Writes.Contains(method)) is { } limited)
        {
            return new ErrorReply(limited);
        }

        // 3. Hello first.
        if (!connection.SaidHello && method is not (nameof(ChatHub.Hello) or nameof(ChatHub.Refuse)))
        {
            return new ErrorReply(new Error(ErrorCode.HelloRequired, "Say Hello first."));
        }

        // 4. The call. What it did not expect is a coded error too, and the connection lives.
        try
        {
            return await next(invocationContext);
        }
        catch (StorageUnavailableException e)
        {
            LogUnavailable(e, method);
            return new ErrorReply(Error.Unavailable());
        }
        catch (Exception e)
        {
            LogFailed(e, method);
            return new ErrorReply(new Error(ErrorCode.Internal, "The server failed; this is a bug.", 1_000));
        }
    }

    [LoggerMessage(1201, LogLevel.Error, "The storage did not answer a call of {Method}")]
    private partial void LogUnavailable(Exception e, string method);

    [LoggerMessage(1202, LogLevel.Error, "A call of {Method} failed")]
    private partial void LogFailed(Exception e, string method);
}

/// <summary>The answer to a call that was refused or failed.</summary>
public sealed record ErrorReply(Error Error);
