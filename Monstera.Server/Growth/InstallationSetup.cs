using Monstera.Server.Configuration;

namespace Monstera.Server.Growth;

/// <summary>What an installation consists of, by its settings.</summary>
/// <param name="Shards">Databases of rooms; 1 with SQLite.</param>
/// <param name="Replicas">Databases that history is read from.</param>
public sealed record InstallationSetup(StorageProvider Storage, BackplaneProvider Backplane, int Shards, int Replicas)
{
    /// <summary>
    /// The storage decides: it is what a phase's tool moves. What else a phase has and this installation has not is told beside it (<see cref="FindLacks"/>).
    /// </summary>
    public int Phase => Storage == StorageProvider.Sqlite ? 1 : Shards < 2 ? 2 : Replicas < Shards ? 3 : 4;

    public static InstallationSetup Of(MonsteraOptions options, ConnectionStrings strings)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(strings);
        bool isPostgres = options.Storage == StorageProvider.Postgres;
        int shards = isPostgres ? Math.Max(1, strings.ShardCount) : 1;
        return new InstallationSetup(options.Storage, options.Backplane, shards, isPostgres ? Enumerable.Range(0, shards).Count(shard => strings.Replica(shard) is not null) : 0);
    }

    /// <param name="nodes">That were seen at work.</param>
    public IReadOnlyList<Lack> FindLacks(Phase phase, int nodes)
    {
        ArgumentNullException.ThrowIfNull(phase);
        List<Lack> lacks = [];
        if (phase.Machines.Nodes > 1 && Backplane == BackplaneProvider.Memory)
        {
            lacks.Add(Lack.Backplane);
        }

        // A node that has not told anything yet is not known to be missing.
        if (nodes > 0 && nodes < phase.Machines.Nodes)
        {
            lacks.Add(Lack.Nodes);
        }

        return lacks;
    }
}

/// <summary>What a phase has and an installation has not.</summary>
public enum Lack
{
    /// <summary>Nodes do not hear of each other.</summary>
    Backplane,

    /// <summary>There are fewer than the phase has, so that one that dies leaves too few.</summary>
    Nodes,
}
