using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Presence;

namespace Monstera.Server.Accounts;

// What clients send and get, docs/protocol.md section 10.

public sealed record SetupRequest(string WorkspaceName, string UserName, string DisplayName, string Password, bool Token = false);

public sealed record RegisterRequest(string UserName, string DisplayName, string Password, string? Invite = null, bool Token = false);

public sealed record SignInRequest(string UserName, string Password, bool Token = false);

public sealed record MeRequest(string DisplayName);

public sealed record PasswordRequest(string Current, string Next);

public sealed record InviteRequest(int? ExpiresInSeconds = null, int? Uses = null);

/// <summary>A person as others see them.</summary>
public sealed record UserView(UserId Id, string UserName, string DisplayName, WorkspaceRole Role)
{
    public static UserView Of(User user)
    {
        ArgumentNullException.ThrowIfNull(user);
        return new UserView(user.Id, user.UserName, user.DisplayName, user.Role);
    }
}

/// <summary>One browser or bearer token that is signed in.</summary>
/// <param name="Client">What its user agent said of itself.</param>
/// <param name="Current">True for the session of the request itself.</param>
public sealed record SessionView(SessionId Id, DateTimeOffset CreatedAt, DateTimeOffset LastSeenAt, DateTimeOffset ExpiresAt, string? Client, bool? Current)
{
    public static SessionView Of(Session session, SessionId? current)
    {
        ArgumentNullException.ThrowIfNull(session);
        return new SessionView(
            session.Id, session.CreatedAt, session.LastSeenAt, session.ExpiresAt, session.Client, session.Id == current ? true : null);
    }
}

/// <summary>What is known of the workspace without being signed in.</summary>
/// <param name="SetUp">False until the owner account was made.</param>
/// <param name="Registration">Who may make an account: <c>invite</c>, <c>open</c> or <c>closed</c>.</param>
public sealed record WorkspaceView(string Name, bool SetUp, Configuration.Registration Registration, string Version);

/// <summary>The answer to signing in. The token is there when it was asked for; otherwise the cookie carries it.</summary>
public sealed record SignedInView(UserView User, SessionView Session, string? Token);

/// <summary>Who the caller is, and what the caller has chosen that others see. Callers with a connection token have no session.</summary>
public sealed record MeView(UserView User, SessionView? Session, PresenceView Presence);

public sealed record InviteView(InviteId Id, string Code, DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, int UsesLeft, UserId CreatedBy)
{
    public static InviteView Of(Invite invite)
    {
        ArgumentNullException.ThrowIfNull(invite);
        return new InviteView(invite.Id, invite.Code, invite.CreatedAt, invite.ExpiresAt, invite.UsesLeft, invite.CreatedBy);
    }
}

/// <summary>Where an invitation leads.</summary>
public sealed record JoinView(string Workspace);
