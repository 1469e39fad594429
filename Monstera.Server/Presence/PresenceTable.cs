using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Nodes;

namespace Monstera.Server.Presence;

/// <summary>
/// Who is here, put together from this node's connections and from what other nodes say of theirs. Events are raised under the lock, so that changes of a user come in their order.
/// </summary>
internal sealed class PresenceTable(TimeProvider time) : IDisposable
{
    /// <summary>How long a user stays after the last connection went.</summary>
    public static readonly TimeSpan Linger = TimeSpan.FromSeconds(5);

    private readonly Lock _gate = new();
    private readonly Dictionary<(TenantId Tenant, UserId User), Person> _people = [];
    private readonly Dictionary<Guid, HashSet<(TenantId, UserId)>> _ofNode = [];
    private int _online;

    /// <summary>How many users are not offline.</summary>
    public int Online => Volatile.Read(ref _online);

    public event Action<PresenceChange>? Changed;

    public event Action<TenantId, UserId, PresenceChoice>? ChoiceChanged;

    /// <summary>What this node says of the user has changed.</summary>
    public event Action<PresenceEntry>? HereChanged;

    public void Connected(TenantId tenant, UserId user, string connection, PresenceSetting setting, bool active)
    {
        lock (_gate)
        {
            Person person = Of((tenant, user));
            person.Ending?.Dispose();
            person.Ending = null;
            person.Connections[connection] = active;
            Settle((tenant, user), person, person.ActivityOfConnections, setting);
        }
    }

    public void SetActivity(TenantId tenant, UserId user, string connection, bool active)
    {
        lock (_gate)
        {
            if (_people.TryGetValue((tenant, user), out Person? person) && person.Connections.ContainsKey(connection))
            {
                person.Connections[connection] = active;
                Settle((tenant, user), person, person.ActivityOfConnections, person.Setting);
            }
        }
    }

    public void Disconnected(TenantId tenant, UserId user, string connection)
    {
        lock (_gate)
        {
            if (!_people.TryGetValue((tenant, user), out Person? person) || !person.Connections.Remove(connection))
            {
                return;
            }

            if (person.Connections.Count == 0)
            {
                // As they were, for a moment: the page may only be loading again.
                person.Ending = time.CreateTimer(_ => End((tenant, user), person), null, Linger, Timeout.InfiniteTimeSpan);
            }
            else
            {
                Settle((tenant, user), person, person.ActivityOfConnections, person.Setting);
            }
        }
    }

    public void SetChoice(TenantId tenant, UserId user, PresenceSetting setting)
    {
        lock (_gate)
        {
            if (_people.TryGetValue((tenant, user), out Person? person))
            {
                Settle((tenant, user), person, person.Here, setting);
            }

            if (person is not { Here: not PresenceActivity.None })
            {
                // Set where none of the user's devices are: the nodes that have them must hear of it all the same.
                HereChanged?.Invoke(new PresenceEntry(tenant, user, PresenceActivity.None, setting));
            }
        }
    }

    /// <summary>What another node says of a user.</summary>
    public void Apply(Guid node, in PresenceEntry entry)
    {
        lock (_gate)
        {
            (TenantId, UserId) key = (entry.Tenant, entry.User);
            if (entry.Activity == PresenceActivity.None && !_people.ContainsKey(key))
            {
                return;
            }

            Person person = Of(key);
            person.Elsewhere.RemoveAll(other => other.Node == node);
            if (entry.Activity == PresenceActivity.None)
            {
                Forget(node, key);
            }
            else
            {
                person.Elsewhere.Add((node, entry.Activity));
                if (!_ofNode.TryGetValue(node, out HashSet<(TenantId, UserId)>? ofNode))
                {
                    _ofNode.Add(node, ofNode = []);
                }

                ofNode.Add(key);
            }

            Settle(key, person, person.Here, entry.Setting);
        }
    }

    /// <summary>The whole table of another node.</summary>
    public void Replace(Guid node, IReadOnlyList<PresenceEntry> entries)
    {
        lock (_gate)
        {
            if (_ofNode.TryGetValue(node, out HashSet<(TenantId, UserId)>? before))
            {
                foreach ((TenantId Tenant, UserId User) gone in before.Except(entries.Select(entry => (entry.Tenant, entry.User))).ToArray())
                {
                    Apply(node, new PresenceEntry(gone.Tenant, gone.User, PresenceActivity.None, default));
                }
            }

            foreach (PresenceEntry entry in entries)
            {
                Apply(node, entry);
            }
        }
    }

    /// <summary>This node's own table.</summary>
    public List<PresenceEntry> Here()
    {
        lock (_gate)
        {
            return
            [
                .. _people.Where(one => one.Value.Here != PresenceActivity.None)
                    .Select(one => new PresenceEntry(one.Key.Tenant, one.Key.User, one.Value.Here, one.Value.Setting)),
            ];
        }
    }

    public Dictionary<UserId, PresenceState> States(TenantId tenant, IReadOnlyCollection<UserId> users)
    {
        Dictionary<UserId, PresenceState> states = [];
        lock (_gate)
        {
            foreach (UserId user in users)
            {
                if (_people.TryGetValue((tenant, user), out Person? person) && person.Shown != PresenceState.Offline)
                {
                    states[user] = person.Shown;
                }
            }
        }

        return states;
    }

    public bool IsInvisible(TenantId tenant, UserId user)
    {
        lock (_gate)
        {
            return _people.TryGetValue((tenant, user), out Person? person) && person.Setting.Choice == PresenceChoice.Invisible;
        }
    }

    public void Dispose()
    {
        lock (_gate)
        {
            foreach (Person person in _people.Values)
            {
                person.Ending?.Dispose();
            }

            _people.Clear();
            _ofNode.Clear();
        }
    }

    private void End((TenantId, UserId) key, Person ended)
    {
        lock (_gate)
        {
            if (ended.Connections.Count == 0 && _people.TryGetValue(key, out Person? person) && person == ended)
            {
                person.Ending?.Dispose();
                person.Ending = null;
                Settle(key, person, PresenceActivity.None, person.Setting);
            }
        }
    }

    private Person Of((TenantId, UserId) key)
    {
        if (!_people.TryGetValue(key, out Person? person))
        {
            _people.Add(key, person = new Person());
        }

        return person;
    }

    private void Forget(Guid node, (TenantId, UserId) key)
    {
        if (_ofNode.TryGetValue(node, out HashSet<(TenantId, UserId)>? ofNode) && ofNode.Remove(key) && ofNode.Count == 0)
        {
            _ofNode.Remove(node);
        }
    }

    /// <summary>Under the lock: takes what is new of a person and tells what follows from it.</summary>
    private void Settle((TenantId Tenant, UserId User) key, Person person, PresenceActivity here, PresenceSetting setting)
    {
        bool isNewer = setting.Version > person.Setting.Version;
        bool choiceChanged = isNewer && setting.Choice != person.Setting.Choice && person.Here != PresenceActivity.None;
        bool hereChanged = here != person.Here || (isNewer && here != PresenceActivity.None);
        person.Here = here;
        if (isNewer)
        {
            person.Setting = setting;
        }

        if (hereChanged)
        {
            HereChanged?.Invoke(new PresenceEntry(key.Tenant, key.User, here, person.Setting));
        }

        if (choiceChanged && person.Connections.Count > 0)
        {
            ChoiceChanged?.Invoke(key.Tenant, key.User, setting.Choice);
        }

        PresenceState shown = person.Show();
        if (shown != person.Shown)
        {
            _online += (shown == PresenceState.Offline ? 0 : 1) - (person.Shown == PresenceState.Offline ? 0 : 1);
            person.Shown = shown;
            Changed?.Invoke(new PresenceChange(key.Tenant, key.User, shown));
        }

        if (person.IsGone)
        {
            _people.Remove(key);
        }
    }

    private sealed class Person
    {
        /// <summary>Of this node, and whether each is in use.</summary>
        public Dictionary<string, bool> Connections { get; } = new(StringComparer.Ordinal);

        public List<(Guid Node, PresenceActivity Activity)> Elsewhere { get; } = [];

        /// <summary>On this node; after the last connection as it was, until <see cref="Ending"/>.</summary>
        public PresenceActivity Here { get; set; }

        public PresenceSetting Setting { get; set; }

        public PresenceState Shown { get; set; }

        public ITimer? Ending { get; set; }

        public bool IsGone => Here == PresenceActivity.None && Elsewhere.Count == 0;

        public PresenceActivity ActivityOfConnections => Connections.ContainsValue(true) ? PresenceActivity.Active : PresenceActivity.Idle;

        public PresenceState Show()
        {
            PresenceActivity most = Here;
            foreach ((_, PresenceActivity activity) in Elsewhere)
            {
                most = activity > most ? activity : most;
            }

            return (most, Setting.Choice) switch
            {
                (PresenceActivity.None, _) or (_, PresenceChoice.Invisible) => PresenceState.Offline,
                (_, PresenceChoice.Away) => PresenceState.Away,
                (PresenceActivity.Idle, _) => PresenceState.Idle,
                _ => PresenceState.Online,
            };
        }
    }
}
