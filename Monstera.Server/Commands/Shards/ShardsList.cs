using System.Globalization;
using System.Text.Json;
using Monstera.Data;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Server.Commands.Shards;

/// <summary><c>monstera shards list</c>.</summary>
internal static class ShardsList
{
    private static readonly JsonSerializerOptions Json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    public static async Task<int> Run(ShardsSession session, bool json, CancellationToken cancel)
    {
        SlotMap map = await session.Map.Read(cancel);
        List<SlotMove> moves = await session.Moves.ReadOpen(cancel);
        ShardLine[] lines = await Task.WhenAll(session.Registered.Select(shard => Ask(session, shard, map.Slots.Count(owner => owner.Shard == shard.Id), cancel)));
        MoveLine[] open = [.. moves.Select(move => new MoveLine(
            move.Id, move.From, move.To, move.Slots.Count, SlotNumbers.Write(move.Slots), ShardsMove.StepName(move.Step), move.StartedAt, move.UpdatedAt))];
        if (json)
        {
            Console.WriteLine(JsonSerializer.Serialize(new { installation = session.Installation.Id, mapVersion = map.Version, shards = lines, moves = open }, Json));
        }
        else
        {
            Show(lines, open);
        }

        return 0;
    }

    private static async Task<ShardLine> Ask(ShardsSession session, Shard shard, int slots, CancellationToken cancel)
    {
        string state = shard.State switch { ShardState.Active => "active", ShardState.Draining => "draining", _ => "gone" };
        var line = new ShardLine(shard.Id, shard.Name, state, slots, null, null, false, session.Away.GetValueOrDefault(shard.Id), []);
        if (!session.Shards.TryGetValue(shard.Id, out SlotShard? database))
        {
            return line;
        }

        try
        {
            ShardContent content = await database.ReadContent(cancel);
            IReadOnlyList<ShardReplica> replicas = await database.ReadReplicas(cancel);
            return line with
            {
                Rooms = content.Rooms,
                Outbox = content.Outbox,
                Reachable = true,
                Replicas = [.. replicas.Select(replica => new ReplicaLine(replica.Name, replica.State, replica.Lag?.TotalSeconds))],
            };
        }
        catch (StorageUnavailableException e)
        {
            return line with { Trouble = e.Message };
        }
    }

    private static void Show(ShardLine[] lines, MoveLine[] moves)
    {
        string[] head = ["shard", "name", "state", "slots", "rooms", "outbox", "reachable", "replicas (lag)"];
        string[][] rows = [.. lines.Select(line => new[]
        {
            line.Number.ToString(CultureInfo.InvariantCulture), line.Name, line.State, Number(line.Slots), Number(line.Rooms), Number(line.Outbox), line.Reachable ? "yes" : "no",
            line.Reachable ? Replicas(line.Replicas) : "",
        })];
        TextTable.Write(head, rows);

        foreach (ShardLine line in lines.Where(line => line.Trouble is not null))
        {
            Console.WriteLine($"Shard {line.Number}: {line.Trouble}");
        }

        foreach (MoveLine move in moves)
        {
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"Move {move.Id} of {move.SlotCount} slots from shard {move.From} to {move.To} is not finished: {move.Step} since {move.Since:yyyy-MM-dd HH:mm:ss}Z, begun {move.StartedAt:yyyy-MM-dd HH:mm:ss}Z."));
        }
    }

    private static string Number(long? number) => number?.ToString("#,0", CultureInfo.InvariantCulture) ?? "?";

    private static string Replicas(IReadOnlyList<ReplicaLine> replicas) => replicas.Count == 0
        ? "none"
        : string.Join(", ", replicas.Select(replica => string.Create(CultureInfo.InvariantCulture, $"{replica.Name} ({(replica.LagSeconds is { } lag ? $"{lag:0.0} s" : "lag not known")})")));

    private sealed record ShardLine(
        short Number, string Name, string State, int Slots, long? Rooms, long? Outbox, bool Reachable, string? Trouble, IReadOnlyList<ReplicaLine> Replicas);

    private sealed record ReplicaLine(string Name, string? State, double? LagSeconds);

    private sealed record MoveLine(Guid Id, short From, short To, int SlotCount, string Slots, string Step, DateTimeOffset StartedAt, DateTimeOffset Since);
}
