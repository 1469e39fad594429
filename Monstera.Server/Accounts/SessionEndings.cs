using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Cache;
using Monstera.Server.Nodes;

namespace Monstera.Server.Accounts;

/// <summary>
/// Announces sessions that have ended, on this node and on the others, so that their live connections end too and nothing that is remembered of them holds.
/// </summary>
/// <remarks>The word to other nodes may be lost. They find out by themselves which of the sessions in use have ended: <see cref="Note"/>.</remarks>
public sealed class SessionEndings
{
    private const int RememberedMax = 50_000;

    /// <summary>Longer than a connection may take from authentication to Hello.</summary>
    private static readonly TimeSpan RememberedFor = TimeSpan.FromMinutes(10);

    private readonly IBackplane _backplane;
    private readonly RecentEntries<SessionId, bool> _lately;

    public SessionEndings(IBackplane backplane, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(backplane);
        _backplane = backplane;
        _lately = new RecentEntries<SessionId, bool>(RememberedMax, RememberedFor, time);
        backplane.Told += Hear;
    }

    /// <summary>Raised for each session, perhaps several times. Handlers must be quick and must not throw.</summary>
    public event Action<SessionId>? Ended;

    /// <summary>This node has ended the session: all are told.</summary>
    public void Announce(SessionId session)
    {
        Note(session);
        _backplane.Tell(new SessionEndedSignal(session));
    }

    /// <summary>This node has found out that the session has ended; the others find out as well.</summary>
    public void Note(SessionId session)
    {
        // Remembered before it is raised: a connection that comes meanwhile is either there already and hears of it, or looks here later.
        _lately.Put(session, true);
        Ended?.Invoke(session);
    }

    /// <summary>Whether it was raised in the last minutes: for a connection that was not there yet to hear of it.</summary>
    public bool EndedLately(SessionId session) => _lately.TryGet(session, out _);

    private void Hear(NodeSignal signal)
    {
        if (signal is SessionEndedSignal ended)
        {
            Note(ended.Session);
        }
    }
}
