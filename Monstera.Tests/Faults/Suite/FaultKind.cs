namespace Monstera.Tests.Faults.Suite;

/// <summary>All that is done to a cluster.</summary>
internal enum FaultKind
{
    /// <summary>A node is killed, and started again once its clients have found another.</summary>
    KillNode,

    /// <summary>A node is told to stop, ends well and is started again.</summary>
    StopNode,

    /// <summary>All nodes are killed at once, and started again.</summary>
    KillAllNodes,

    /// <summary>A node keeps its connections and does nothing.</summary>
    FreezeNode,

    /// <summary>Redis is killed, and comes back empty.</summary>
    KillRedis,

    /// <summary>Redis keeps its connections and does nothing.</summary>
    FreezeRedis,

    /// <summary>Redis forgets everything.</summary>
    FlushRedis,

    /// <summary>Redis is killed, and its replica takes its place.</summary>
    FailOverRedis,

    /// <summary>A node's connections to Redis are reset, again and again.</summary>
    CutRedis,

    /// <summary>Nothing gets through between a node and Redis, and nobody says so.</summary>
    SilenceRedis,

    /// <summary>The PostgreSQL server with the directory and the first shard crashes.</summary>
    RestartDirectory,

    /// <summary>The PostgreSQL server with the second shard crashes.</summary>
    RestartShard,

    /// <summary>A node's connections to a database are reset, again and again.</summary>
    CutDatabase,

    /// <summary>Nothing gets through between a node and a database, and nobody says so.</summary>
    SilenceDatabase,

    /// <summary>Some members do not read.</summary>
    SlowReaders,

    /// <summary>All members lose their connection at the same instant.</summary>
    ReconnectStorm,

    /// <summary>Slots with rooms go to the other shard.</summary>
    MoveSlots,
}

/// <summary>One fault with its victims. Which of them matter depends on the kind.</summary>
/// <param name="Hold">Between injecting and healing, for what does not heal by itself.</param>
internal sealed record FaultStep(int Number, FaultKind Kind, int Node, Database Database, IReadOnlySet<int> Members, int Room, TimeSpan Hold)
{
    /// <summary>What happens at the same time, elsewhere.</summary>
    public FaultStep? Also { get; init; }

    public override string ToString() => Also is null ? $"{Number} {Name}" : $"{Number} {Name} and {Also.Name}";

    private string Name
    {
        get
        {
            string victim = Kind switch
            {
                FaultKind.KillNode or FaultKind.StopNode or FaultKind.FreezeNode or FaultKind.CutRedis or FaultKind.SilenceRedis => $" node {Node}",
                FaultKind.CutDatabase or FaultKind.SilenceDatabase => $" node {Node}, {Database}",
                FaultKind.SlowReaders => $" members {string.Join(' ', Members.Order())}",
                FaultKind.MoveSlots => $" room {Room}",
                _ => "",
            };
            return $"{Kind}{victim}";
        }
    }
}
