using System.Globalization;
using Monstera.Data.Postgres;
using Monstera.Data.Postgres.Directory;
using Monstera.Data.Postgres.Slots;

namespace Monstera.Server.Commands.Shards;

/// <summary>What the command line says of a move.</summary>
internal sealed record MoveRequest(short? From, short? To, string? Slots, int? Count, string? Soak, bool DryRun, Guid? Resume, Guid? Revert);

/// <summary><c>monstera shards move-slots</c>.</summary>
internal static class ShardsMove
{
    private static readonly TimeSpan SoakUnlessSaid = TimeSpan.FromMinutes(10);

    public static async Task<int> Run(ShardsSession session, MoveRequest request, CancellationToken cancel)
    {
        bool isNew = request is { Resume: null, Revert: null };
        if (!isNew && (request is { Resume: not null, Revert: not null } || request is not { From: null, To: null, Slots: null, Count: null, Soak: null, DryRun: false }))
        {
            throw new UsageException("--resume and --revert stand alone, with the id of a move (`monstera shards list` shows it).");
        }

        if (isNew)
        {
            return await RunNew(session, request, cancel);
        }

        PostgresOperation operation = await session.Begin(cancel);
        Guid id = request.Resume ?? request.Revert!.Value;
        SlotMove move = (await session.Moves.ReadOpen(cancel)).SingleOrDefault(open => open.Id == id)
            ?? throw new SlotMoveRefusedException($"There is no move {id} that is not finished.");
        await Carry(session, operation, move, isRevert: request.Revert is not null, cancel);
        return 0;
    }

    /// <summary>Null: ten minutes.</summary>
    /// <exception cref="UsageException">No duration.</exception>
    public static TimeSpan SoakOf(string? text) => text is null
        ? SoakUnlessSaid
        : SlotNumbers.ParseDuration(text) ?? throw new UsageException($"--soak '{text}' is no duration: 90s, 10m, 2h, or 0; at most 30d.");

    /// <summary>Takes a move to its end, and shows how it goes on. When it stops before, says how to go on and how to go back.</summary>
    public static async Task Carry(ShardsSession session, PostgresOperation operation, SlotMove move, bool isRevert, CancellationToken cancel)
    {
        session.Require(move.From);
        session.Require(move.To);
        Console.WriteLine(
            $"Move {move.Id}: {Plural(move.Slots.Count, "slot")} from {session.Shards[move.From]} to {session.Shards[move.To]}, "
            + $"soak {Duration(move.Soak)}, standing at: {StepName(move.Step)}.");
        TimeSpan pause = TimeSpan.Zero;
        try
        {
            await MoveDisplay.Run(async display =>
            {
                var mover = new SlotMover(session.Directory, operation, session.Shards, TimeProvider.System)
                {
                    Progress = progress =>
                    {
                        pause = progress.LongestPause > pause ? progress.LongestPause : pause;
                        display.Show(progress);
                    },
                    Trouble = display.Say,
                };
                await (isRevert ? mover.Revert(move.Id, cancel) : mover.Run(move.Id, cancel));
            });
        }
        catch (Exception e) when (e is not SlotMoveRefusedException)
        {
            await Console.Error.WriteLineAsync(
                $"monstera: move {move.Id} is not finished. Nothing is lost; stopped while handing over, some slots may not be written until somebody goes on. "
                + $"To go on: monstera shards move-slots --resume {move.Id}. To go back: monstera shards move-slots --revert {move.Id}.");
            if (e is OperationCanceledException)
            {
                throw new SlotMoveStoppedException("Stopped, as it was told to.");
            }

            throw;
        }

        string end = isRevert || move.Step is SlotMoveStep.Reverting or SlotMoveStep.RemovingCopy
            ? $"Reverted: {session.Shards[move.From]} has all slots of the move again."
            : $"Done: {session.Shards[move.To]} has the slots, and {session.Shards[move.From]} nothing of them any more.";
        Console.WriteLine(pause > TimeSpan.Zero ? $"{end} Writers waited {pause.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)} ms at most." : end);
    }

    public static string Plural(long count, string of) => string.Create(CultureInfo.InvariantCulture, $"{count:#,0} {of}{(count == 1 ? "" : "s")}");

    public static string Duration(TimeSpan span) => span switch
    {
        { TotalDays: >= 1 } => span.ToString(@"d\d\ hh\:mm\:ss", CultureInfo.InvariantCulture),
        _ => span.ToString(@"hh\:mm\:ss", CultureInfo.InvariantCulture),
    };

    public static string StepName(SlotMoveStep step) => step switch
    {
        SlotMoveStep.Copying => "copying",
        SlotMoveStep.HandingOver => "comparing and handing over",
        SlotMoveStep.Soaking => "soaking",
        SlotMoveStep.Dropping => "removing what is left in the source",
        SlotMoveStep.Reverting => "handing back",
        SlotMoveStep.RemovingCopy => "removing the copy",
        SlotMoveStep.Done => "done",
        SlotMoveStep.Reverted => "reverted",
        _ => step.ToString(),
    };

    private static async Task<int> RunNew(ShardsSession session, MoveRequest request, CancellationToken cancel)
    {
        if (request is not { From: { } from, To: { } to } || request.Slots is null == request.Count is null)
        {
            throw new UsageException("Say --from, --to, and either --slots or --count; or --resume or --revert with the id of a move.");
        }

        TimeSpan soak = SoakOf(request.Soak);
        IReadOnlyList<short> slots = request.Slots is { } named
            ? SlotNumbers.Parse(named) ?? throw new UsageException($"--slots '{named}' is no list of slots such as 1,5-9, from 0 to 4095.")
            : await Choose(session, from, request.Count!.Value, cancel);
        PostgresOperation operation = await session.Begin(cancel);
        session.Require(from);
        session.Require(to);
        var mover = new SlotMover(session.Directory, operation, session.Shards, TimeProvider.System);
        if (request.DryRun)
        {
            await mover.Check(slots, from, to, cancel);
            List<Data.Archive.ArchivedRoom> rooms = await session.Shards[from].ReadRooms(slots, cancel);
            Console.WriteLine(
                $"Would move {Plural(slots.Count, "slot")} ({SlotNumbers.Write(slots)}) with {Plural(rooms.Count, "room")} and {Plural(rooms.Sum(room => room.Head), "event")} "
                + $"from {session.Shards[from]} to {session.Shards[to]}, and keep the way back open for {Duration(soak)}. Nothing was done.");
            return 0;
        }

        await Carry(session, operation, await mover.Begin(slots, from, to, soak, cancel), isRevert: false, cancel);
        return 0;
    }

    private static async Task<IReadOnlyList<short>> Choose(ShardsSession session, short from, int count, CancellationToken cancel)
    {
        SlotMap map = await session.Map.Read(cancel);
        HashSet<short> moving = [.. (await session.Moves.ReadOpen(cancel)).SelectMany(move => move.Slots)];
        short[] free = [.. Enumerable.Range(0, map.Slots.Count).Select(slot => (short)slot).Where(slot => map.Slots[slot].Shard == from && !moving.Contains(slot))];
        return count >= 1 && count <= free.Length
            ? free[^count..]
            : throw new UsageException($"--count {count}: shard {from} has {Plural(free.Length, "slot")} that can be moved.");
    }
}
