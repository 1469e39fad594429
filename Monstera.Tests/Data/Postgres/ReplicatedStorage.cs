using System.Diagnostics.Metrics;
using Monstera.Data;
using Monstera.Data.Directory;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Rooms;
using Monstera.Data.Sharding;

namespace Monstera.Tests.Data.Postgres;

/// <summary>A database on a primary, and its history on the standby. Unless it is told otherwise the standby answers when it has caught up, so that it is really read.</summary>
public sealed class ReplicatedStorage : StorageUnderTest
{
    private const PostgresParts Both = PostgresParts.Rooms | PostgresParts.Directory;

    private readonly PostgresPair _pair;
    private readonly bool _waits;
    private readonly TimeProvider _time;
    private readonly ReplicaPatience _patience;
    private readonly Meter _meter = new(StorageMeter.Name);
    private PostgresDatabase _primary = null!;
    private IRoomStore _rooms = null!;
    private PostgresDirectory _directory = null!;

    /// <param name="pair">Null: the shared one, whose standby catches up before it answers.</param>
    public ReplicatedStorage(PostgresPair? pair = null, TimeProvider? time = null, ReplicaPatience? patience = null)
    {
        _pair = pair ?? PostgresPair.Shared;
        _waits = pair is null;
        _time = time ?? TimeProvider.System;
        _patience = patience ?? new ReplicaPatience { Beyond = TimeSpan.FromSeconds(30) };
        Name = PostgresStorage.CreateDatabase(_pair.Primary);
        Open();
    }

    public string Name { get; }

    public HistoryReads Reads { get; private set; } = null!;

    public PostgresReplica Replica { get; private set; } = null!;

    public override IRoomStore Rooms => _rooms;

    public override IDirectory Directory => _directory;

    public override void Reopen()
    {
        Close();
        Open();
    }

    public override void Dispose()
    {
        Close();
        _meter.Dispose();
        _pair.Primary.DropDatabase(Name);
    }

    private void Open()
    {
        _primary = PostgresDatabase.Open(new PostgresOptions { ConnectionString = _pair.Primary.AppConnection(Name) }, Both);
        Replica = new PostgresReplica(new PostgresOptions { ConnectionString = _pair.Replica.AppConnection(Name) }, _primary, _time);
        Reads = new HistoryReads(_meter, shard: 0);
        ReplicaRead read = Replica.ReadTimeline;
        _rooms = new ReplicatedRoomStore(new PostgresRoomStore(_primary), _waits ? Waiting(read) : read, _patience, Reads, _time);
        _directory = new PostgresDirectory(_primary);
    }

    private void Close()
    {
        Replica.Dispose();
        _primary.Dispose();
    }

    private ReplicaRead Waiting(ReplicaRead read) => async (tenant, room, reader, query, limit, cancel) =>
    {
        await _pair.CaughtUp(cancel);
        return await read(tenant, room, reader, query, limit, cancel);
    };
}
