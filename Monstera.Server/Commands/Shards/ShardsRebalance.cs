using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Server.Commands.Shards;

/// <summary><c>monstera shards rebalance</c>: one move after another.</summary>
internal static class ShardsRebalance
{
    public static async Task<int> Run(ShardsSession session, string? soakText, bool dryRun, CancellationToken cancel)
    {
        TimeSpan soak = ShardsMove.SoakOf(soakText);
        PostgresOperation operation = await session.Begin(cancel);
        if (await session.Moves.ReadOpen(cancel) is [SlotMove open, ..])
        {
            throw new SlotMoveRefusedException($"Move {open.Id} is not finished: resume or revert it first (`monstera shards move-slots --resume {open.Id}`).");
        }

        SlotMap map = await session.Map.Read(cancel);
        IReadOnlyList<PlannedMove> plan = RebalancePlan.Of(session.Registered, [.. map.Slots.Select(owner => owner.Shard)]);
        foreach (PlannedMove move in plan)
        {
            session.Require(move.From);
            session.Require(move.To);
            Console.WriteLine($"{(dryRun ? "Would move" : "To move")}: {ShardsMove.Plural(move.Slots.Count, "slot")} from shard {move.From} to shard {move.To} ({SlotNumbers.Write(move.Slots)})");
        }

        if (plan.Count == 0)
        {
            Console.WriteLine("All shards have their share; there is nothing to move.");
        }

        foreach (PlannedMove move in dryRun ? [] : plan)
        {
            var mover = new SlotMover(session.Directory, operation, session.Shards, TimeProvider.System);
            await ShardsMove.Carry(session, operation, await mover.Begin(move.Slots, move.From, move.To, soak, cancel), isRevert: false, cancel);
        }

        return 0;
    }
}

/// <summary><c>monstera shards drain</c>.</summary>
internal static class ShardsDrain
{
    public static async Task<int> Run(ShardsSession session, short number, CancellationToken cancel)
    {
        await session.Begin(cancel);
        SlotShard shard = session.Require(number);
        if (session.Registered.All(other => other.Id == number || other.State != ShardState.Active))
        {
            throw new SlotMoveRefusedException($"{shard} is the last shard that takes slots.");
        }

        if ((await session.Moves.ReadOpen(cancel)).FirstOrDefault(move => move.From == number || move.To == number) is { } open)
        {
            throw new SlotMoveRefusedException($"Move {open.Id} of this shard is not finished: resume or revert it first.");
        }

        await session.Map.SetShardState(number, ShardState.Draining, cancel);
        int slots = (await session.Map.Read(cancel)).Slots.Count(owner => owner.Shard == number);
        ShardContent content = await shard.ReadContent(cancel);
        if (slots == 0 && content is { Slots: 0, Rooms: 0, Outbox: 0 })
        {
            await session.Map.SetShardState(number, ShardState.Gone, cancel);
            Console.WriteLine($"{shard} has nothing any more and is out of use. If it has the highest number, take its connection strings out of the settings of all servers and remove its database; otherwise leave both: shards are numbered without a gap.");
            return 0;
        }

        Console.WriteLine(
            $"{shard} takes no more slots. It still has {ShardsMove.Plural(slots, "slot")}, {ShardsMove.Plural(content.Rooms, "room")}, and {ShardsMove.Plural(content.Outbox, "membership change")} that "
            + $"a server will carry to the directory. Next: monstera shards rebalance, then once more: monstera shards drain {number}");
        return 0;
    }
}
