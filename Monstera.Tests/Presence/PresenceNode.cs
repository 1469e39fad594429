using System.Reflection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;
using Monstera.Server.Presence;
using Monstera.Server.Rooms;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Presence;

/// <summary>What joins the nodes of a test: a wire, the tables that they keep, and the choices that the directory has.</summary>
internal sealed class PresenceWorld : IDisposable
{
    private readonly List<PresenceNode> _nodes = [];

    public PresenceWorld(FakeTime time)
    {
        Time = time;
        Tables = new MemoryPresenceTables(time);
        Directory = ChoicesDirectory.New();
    }

    public static TenantId Tenant { get; } = new(Guid.NewGuid());

    public FakeTime Time { get; }

    public MemoryBackplaneWire Wire { get; } = new();

    public MemoryPresenceTables Tables { get; }

    public ChoicesDirectory Directory { get; }

    public PresenceNode Start()
    {
        PresenceNode node = new(this);
        _nodes.Add(node);
        return node;
    }

    /// <summary>What keeps and carries is away, or back.</summary>
    public void SetAway(bool away)
    {
        Tables.IsCut = away;
        Wire.SetCut(away);
    }

    public void Dispose()
    {
        foreach (PresenceNode node in _nodes)
        {
            node.Kill();
        }
    }
}

/// <summary>A node: its presence, what it told and heard.</summary>
internal sealed class PresenceNode
{
    private readonly LossyBackplane _backplane;

    public PresenceNode(PresenceWorld world)
    {
        _backplane = new LossyBackplane(world.Wire);
        MonsteraOptions options = new();
        Presence = new NodePresence(
            new Node(Options.Create(options)), _backplane, world.Tables, world.Directory.Interface, Options.Create(options), world.Time, NullLogger<NodePresence>.Instance);
        Presence.Changed += change =>
        {
            lock (Changes)
            {
                Changes.Add(change);
            }

            // Not here, under the table's lock: conditions look into the table.
            ThreadPool.QueueUserWorkItem(_ => Changed.Pulse());
        };
        _ = Presence.StartAsync(CancellationToken.None);
    }

    public NodePresence Presence { get; }

    public List<PresenceChange> Changes { get; } = [];

    public Signal Changed { get; } = new();

    /// <summary>What this node told the others that were connected to it.</summary>
    public List<PresenceSignal> Told => _backplane.Signals;

    /// <summary>What this node tells is lost.</summary>
    public bool LosesWhatItTells
    {
        set => _backplane.IsLossy = value;
    }

    public PresenceState StateOf(UserId user) => Presence.States(PresenceWorld.Tenant, [user]).GetValueOrDefault(user);

    /// <summary>As a process that is killed: nothing is said.</summary>
    public void Kill()
    {
        _backplane.Dispose();
        Presence.Dispose();
    }

    private sealed class LossyBackplane : IBackplane, IDisposable
    {
        private readonly MemoryBackplane _inner;

        public LossyBackplane(MemoryBackplaneWire wire)
        {
            _inner = new MemoryBackplane(wire);
            _inner.Received += events => Received?.Invoke(events);
            _inner.Told += signal => Told?.Invoke(signal);
            _inner.Missed += partition => Missed?.Invoke(partition);
        }

        public event Action<CommittedEvents>? Received;

        public event Action<NodeSignal>? Told;

        public event Action<int?>? Missed;

        public List<PresenceSignal> Signals { get; } = [];

        public bool IsLossy { get; set; }

        public bool IsAway => _inner.IsAway;

        public void Publish(CommittedEvents events) => _inner.Publish(events);

        public void Tell(NodeSignal signal)
        {
            if (IsLossy)
            {
                return;
            }

            if (signal is PresenceSignal presence)
            {
                Signals.Add(presence);
            }

            _inner.Tell(signal);
        }

        public void Listen(int partition) => _inner.Listen(partition);

        public void Unlisten(int partition) => _inner.Unlisten(partition);

        public void Dispose() => _inner.Dispose();
    }
}

/// <summary>A directory that knows what people have chosen, and nothing else.</summary>
public class ChoicesDirectory : DispatchProxy
{
    internal Dictionary<UserId, PresenceSetting> Choices { get; } = [];

    internal IDirectory Interface { get; private set; } = null!;

    internal static ChoicesDirectory New()
    {
        IDirectory directory = Create<IDirectory, ChoicesDirectory>();
        var choices = (ChoicesDirectory)(object)directory;
        choices.Interface = directory;
        return choices;
    }

    protected override object? Invoke(MethodInfo? targetMethod, object?[]? args)
    {
        Assert.Equal(nameof(IDirectory.FindUsers), targetMethod!.Name);
        IReadOnlyList<User> users =
        [
            .. ((IReadOnlyCollection<UserId>)args![1]!).Where(Choices.ContainsKey)
                .Select(user => new User((TenantId)args[0]!, user, "user", "User", WorkspaceRole.Member, default, Choices[user])),
        ];
        return new ValueTask<IReadOnlyList<User>>(users);
    }
}
