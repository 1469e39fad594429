using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Configuration;

namespace Monstera.Server.Accounts;

/// <summary>Begins and ends sessions.</summary>
internal sealed class SignIns(IDirectory directory, SessionEndings endings, IOptions<MonsteraOptions> options, TimeProvider time)
{
    private const int ClientCharsMax = 200;

    /// <summary>
    /// A new session for <paramref name="user"/>. Its token goes into the cookie or, when a program asks, into the answer; never into both, so that a token that was asked for is
    /// not left behind in a browser.
    /// </summary>
    public async Task<SignedInView> Begin(HttpContext context, User user, bool asToken)
    {
        DateTimeOffset now = time.GetUtcNow();
        string token = SessionToken.New();
        Session session = new(
            user.Tenant, SessionId.New(now), user.Id, now, now, now.AddDays(options.Value.Sessions.Days), ClientOf(context.Request));
        await directory.CreateSession(session, SessionToken.Hash(token), CancellationToken.None);
        if (!asToken)
        {
            SessionCookie.Set(context, token, session.ExpiresAt);
        }

        return new SignedInView(UserView.Of(user), SessionView.Of(session, session.Id), asToken ? token : null);
    }

    /// <returns>False when the user has no such session.</returns>
    public async Task<bool> End(Caller caller, SessionId session)
    {
        if (!await directory.EndSession(caller.Tenant, caller.User, session, CancellationToken.None))
        {
            return false;
        }

        endings.Announce(session);
        return true;
    }

    /// <summary>Ends all sessions of the caller but the one that is used now.</summary>
    public async Task EndOthers(Caller caller)
    {
        foreach (SessionId ended in await directory.EndOtherSessions(caller.Tenant, caller.User, caller.Session, CancellationToken.None))
        {
            endings.Announce(ended);
        }
    }

    private static string? ClientOf(HttpRequest request)
    {
        string client = request.Headers.UserAgent.ToString();
        if (client.Length > ClientCharsMax)
        {
            // Not in the middle of a surrogate pair.
            client = client[..(char.IsHighSurrogate(client[ClientCharsMax - 1]) ? ClientCharsMax - 1 : ClientCharsMax)];
        }

        return client.Length == 0 ? null : client;
    }
}
