using System.CommandLine;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Server.Commands.Shards;

/// <summary><c>monstera shards …</c>: looks after the shards of an installation on PostgreSQL. docs/operations.md tells how.</summary>
public static class ShardsCommand
{
    public static Command Make() => new("shards", "Looks after the databases that rooms are spread over (PostgreSQL). Settings and connection strings as for serve, with those of the owners.")
    {
        Subcommands = { List(), Add(), MoveSlots(), Rebalance(), Drain(), Verify() },
    };

    private static Command List()
    {
        Option<bool> json = new("--json") { Description = "For programs." };
        Command command = new("list", "Shows the shards: slots, rooms, what waits in their outboxes, replicas, and moves that are not finished.") { json };
        return Runs(command, (parsed, session, cancel) => ShardsList.Run(session, parsed.GetValue(json), cancel));
    }

    private static Command Add()
    {
        Argument<short> number = new("number") { Description = "As in ConnectionStrings:Shards:<number>." };
        Option<string?> name = new("--name") { Description = "For people. shard-<number> when nothing is said." };
        Command command = new("add", "Registers an empty database as a further shard. It has no slots until some are moved to it.") { number, name };
        return Runs(command, (parsed, session, cancel) => ShardsAdd.Run(session, parsed.GetValue(number), parsed.GetValue(name), cancel));
    }

    private static Command MoveSlots()
    {
        Option<short?> from = new("--from") { Description = "The shard that has the slots." };
        Option<short?> to = new("--to") { Description = "The shard that is to have them." };
        Option<string?> slots = new("--slots") { Description = "Which: 1,5-9." };
        Option<int?> count = new("--count") { Description = "How many, instead of which." };
        Option<string?> soak = Soak();
        Option<bool> dryRun = DryRun();
        Option<Guid?> resume = new("--resume") { Description = "Goes on with a move that was interrupted." };
        Option<Guid?> revert = new("--revert") { Description = "Brings back what a move has moved so far, with all that was written since." };
        Command command = new("move-slots", "Moves slots from one shard to another while they are used.") { from, to, slots, count, soak, dryRun, resume, revert };
        return Runs(command, (parsed, session, cancel) => ShardsMove.Run(
            session,
            new MoveRequest(
                parsed.GetValue(from), parsed.GetValue(to), parsed.GetValue(slots), parsed.GetValue(count), parsed.GetValue(soak), parsed.GetValue(dryRun), parsed.GetValue(resume),
                parsed.GetValue(revert)),
            cancel));
    }

    private static Command Rebalance()
    {
        Option<string?> soak = Soak();
        Option<bool> dryRun = DryRun();
        Command command = new("rebalance", "Moves as few slots as possible, so that all shards have the same number, and those that are being emptied none.") { soak, dryRun };
        return Runs(command, (parsed, session, cancel) => ShardsRebalance.Run(session, parsed.GetValue(soak), parsed.GetValue(dryRun), cancel));
    }

    private static Command Drain()
    {
        Argument<short> number = new("number") { Description = "The shard." };
        Command command = new("drain", "Lets a shard take no more slots, so that rebalance empties it; and, when it is empty, takes it out of use.") { number };
        return Runs(command, (parsed, session, cancel) => ShardsDrain.Run(session, parsed.GetValue(number), cancel));
    }

    private static Command Verify()
    {
        Option<short?> shard = new("--shard") { Description = "The rooms of this one only." };
        Command command = new("verify", "Checks the map, that rooms lie where they should, that no log has a gap, and that what is stored agrees with the logs.") { shard };
        return Runs(command, (parsed, session, cancel) => ShardsVerify.Run(session, parsed.GetValue(shard), cancel));
    }

    private static Option<string?> Soak() => new("--soak") { Description = "For how long the way back is kept open after the slots were handed over: 90s, 10m (when nothing is said), 2h, 0." };

    private static Option<bool> DryRun() => new("--dry-run") { Description = "Says what would be done, and does nothing." };

    /// <summary>Opens what the settings name, runs, and turns what goes wrong into a line and an exit code. Ctrl-C and SIGTERM stop it between two steps.</summary>
    private static Command Runs(Command command, Func<ParseResult, ShardsSession, CancellationToken, Task<int>> run)
    {
        command.TreatUnmatchedTokensAsErrors = false;
        command.SetAction((parsed, _) => CommandRun.Run(async stop =>
        {
            try
            {
                await using ShardsSession session = await ShardsSession.Open(parsed.UnmatchedTokens, stop);
                return await run(parsed, session, stop);
            }
            catch (UsageException e)
            {
                return await CommandRun.Tell([e.Message], CommandRun.WrongSettings);
            }
            catch (SlotMoveRefusedException e)
            {
                return await CommandRun.Tell(["Refused: " + e.Message], CommandRun.Unsafe);
            }
            catch (SlotMoveStoppedException e)
            {
                return await CommandRun.Tell([e.Message], CommandRun.CouldNot);
            }
        }));
        return command;
    }
}

/// <summary>What was asked for cannot be meant. The message says why.</summary>
internal sealed class UsageException(string message) : Exception(message);
