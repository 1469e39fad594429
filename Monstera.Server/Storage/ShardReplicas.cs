using System.Collections.Immutable;
using Monstera.Data.Postgres;

namespace Monstera.Server.Storage;

/// <summary>The replicas of those shards that have one and were opened: one that is away at the start comes later.</summary>
internal sealed class ShardReplicas : IDisposable
{
    private ImmutableArray<ShardReplica> _all = [];

    public ImmutableArray<ShardReplica> All => _all;

    /// <summary>Takes over the replica of a shard, in place of the one that was there.</summary>
    public void Add(int shard, PostgresReplica replica)
    {
        ShardReplica? before = All.FirstOrDefault(known => known.Shard == shard);
        ImmutableInterlocked.Update(ref _all, all => [.. all.Where(known => known.Shard != shard), new ShardReplica(shard, replica)]);
        before?.Replica.Dispose();
    }

    public void Dispose()
    {
        foreach (ShardReplica replica in All)
        {
            replica.Replica.Dispose();
        }
    }
}

/// <summary>A shard's replica for history, and what was last seen of it.</summary>
internal sealed class ShardReplica(int shard, PostgresReplica replica)
{
    private readonly Lock _gate = new();
    private ReplicationLag? _lag;

    public int Shard => shard;

    public PostgresReplica Replica => replica;

    public KeyValuePair<string, object?>[] Tags { get; } = [new("shard", shard), new("replica", replica.Place)];

    /// <summary>Null: it could not be measured.</summary>
    public ReplicationLag? Lag
    {
        get
        {
            lock (_gate)
            {
                return _lag;
            }
        }

        set
        {
            lock (_gate)
            {
                _lag = value;
            }
        }
    }

    /// <summary>Whether it was said that it cannot be used. Of <see cref="ReplicationLagWatch"/>.</summary>
    public bool IsLost { get; set; }
}
