using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Configuration;

namespace Monstera.Server.Accounts;

/// <summary>Finds the session of a token and keeps it alive while it is used.</summary>
internal sealed partial class SessionCheck(IDirectory directory, IOptions<MonsteraOptions> options, TimeProvider time, ILogger<SessionCheck> log)
{
    /// <summary>The time that people see is this exact, and a session in use costs one write in so long.</summary>
    private static readonly TimeSpan TouchEvery = TimeSpan.FromMinutes(5);

    private readonly ConcurrentDictionary<SessionId, byte> _underWay = new();

    /// <returns>Null: no such session any more. <c>Extended</c>: it now ends later than before.</returns>
    public async ValueTask<(CurrentSession Current, bool Extended)?> Find(string token, CancellationToken cancel)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (SessionToken.TryHash(token) is not { } hash || await directory.FindSession(hash, now, cancel) is not { } found)
        {
            return null;
        }

        bool due = now - found.Session.LastSeenAt >= TouchEvery;
        if (!due || !_underWay.TryAdd(found.Session.Id, 0))
        {
            return (new CurrentSession(found.Session, found.User), false);
        }

        try
        {
            Session touched = found.Session with { LastSeenAt = now, ExpiresAt = now.AddDays(options.Value.Sessions.Days) };
            await directory.TouchSession(touched.Tenant, touched.Id, touched.LastSeenAt, touched.ExpiresAt, CancellationToken.None);
            return (new CurrentSession(touched, found.User), true);
        }
        catch (StorageUnavailableException e)
        {
            // Reading works, so the request may go on. The next one tries again.
            LogNotTouched(log, e);
            return (new CurrentSession(found.Session, found.User), false);
        }
        finally
        {
            _underWay.TryRemove(found.Session.Id, out _);
        }
    }

    [LoggerMessage(2010, LogLevel.Warning, "A session could not be extended.")]
    private static partial void LogNotTouched(ILogger logger, Exception exception);
}
