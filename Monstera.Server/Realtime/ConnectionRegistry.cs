using System.Collections.Concurrent;
using Monstera.Data.Ids;

namespace Monstera.Server.Realtime;

/// <summary>The live connections of this node, by id and by user.</summary>
public sealed class ConnectionRegistry
{
    private readonly ConcurrentDictionary<string, ChatConnection> _connections = new(StringComparer.Ordinal);
    private readonly Lock _gate = new();
    private readonly Dictionary<UserId, List<ChatConnection>> _users = [];

    public int Count => _connections.Count;

    /// <summary>People who have one at least.</summary>
    public int UserCount
    {
        get
        {
            lock (_gate)
            {
                return _users.Count;
            }
        }
    }

    public IEnumerable<ChatConnection> All => _connections.Values;

    /// <summary>Adds the connection unless the user has <paramref name="perUserMax"/> already.</summary>
    /// <returns>Whether it was added.</returns>
    public bool TryAdd(ChatConnection connection, int perUserMax)
    {
        ArgumentNullException.ThrowIfNull(connection);
        lock (_gate)
        {
            if (!_users.TryGetValue(connection.Caller.User, out List<ChatConnection>? ofUser))
            {
                _users.Add(connection.Caller.User, ofUser = new(1));
            }

            if (ofUser.Count >= perUserMax)
            {
                return false;
            }

            ofUser.Add(connection);
        }

        _connections[connection.Id] = connection;
        return true;
    }

    public void Remove(ChatConnection connection)
    {
        ArgumentNullException.ThrowIfNull(connection);
        _connections.TryRemove(connection.Id, out _);
        lock (_gate)
        {
            if (_users.TryGetValue(connection.Caller.User, out List<ChatConnection>? ofUser) && ofUser.Remove(connection) && ofUser.Count == 0)
            {
                _users.Remove(connection.Caller.User);
            }
        }
    }

    public IReadOnlyList<ChatConnection> OfUser(UserId user)
    {
        lock (_gate)
        {
            return _users.TryGetValue(user, out List<ChatConnection>? ofUser) ? [.. ofUser] : [];
        }
    }
}
