using Monstera.Data;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;
using Monstera.Server.Configuration;

namespace Monstera.Server.Commands.Shards;

/// <summary><c>monstera shards add</c>.</summary>
internal static class ShardsAdd
{
    private const int NumberMax = ConnectionStrings.ShardsMax - 1;
    private const int NameLengthMax = 50;

    public static async Task<int> Run(ShardsSession session, short number, string? givenName, CancellationToken cancel)
    {
        string name = givenName ?? $"shard-{number}";
        if (number is < 1 or > NumberMax)
        {
            throw new UsageException($"Shards that are added have numbers from 1 to {NumberMax}; shard 0 is there from the beginning.");
        }

        if (string.IsNullOrWhiteSpace(name) || name.Length > NameLengthMax || name.Any(char.IsControl))
        {
            throw new UsageException($"--name: 1 to {NameLengthMax} characters, none of them a control character.");
        }

        await session.Begin(cancel);
        Shard? known = session.Registered.SingleOrDefault(shard => shard.Id == number);
        if (known is { State: ShardState.Active })
        {
            session.Require(number);
            Console.WriteLine($"Shard {number} ({known.Name}) is registered already; nothing was changed.");
            return 0;
        }

        if (known is null && number != session.Registered.Count)
        {
            throw new SlotMoveRefusedException($"Shards are numbered without a gap: the next one is {session.Registered.Count}.");
        }

        SlotShard shard;
        try
        {
            shard = known is { State: ShardState.Draining } ? session.Require(number) : session.OpenNew(number, name);
        }
        catch (StorageRefusedException e)
        {
            throw new SlotMoveRefusedException(e.Message);
        }

        ShardContent content = await shard.ReadContent(cancel);
        if (known is null && content is not { Slots: 0, Rooms: 0 })
        {
            throw new SlotMoveRefusedException($"The database {shard.Database.Place} is not empty ({content.Slots} slots, {content.Rooms} rooms), although no shard {number} is registered. Give an empty one.");
        }

        if (known is not null)
        {
            await session.Map.SetShardState(number, ShardState.Active, cancel);
            Console.WriteLine($"Shard {number} ({known.Name}) takes slots again.");
        }
        else if (await session.Map.TryAddShard(new Shard(number, name, ShardState.Active), cancel))
        {
            Console.WriteLine(
                $"Shard {number} ({name}) is registered: {shard.Database.Place}. It has no slots yet. Give ConnectionStrings:Shards:{number} to all servers and restart them, then move some: monstera shards rebalance");
        }
        else
        {
            throw new SlotMoveRefusedException($"Another shard is called '{name}': choose another --name.");
        }

        return 0;
    }
}
