namespace Monstera.Data.Postgres.Slots;

/// <summary>Where a move of slots stands. The numbers are stored in the journal; they grow. Each step may be begun again from its beginning.</summary>
public enum SlotMoveStep : short
{
    /// <summary>The rooms are copied; the source serves them.</summary>
    Copying = 0,

    /// <summary>Group by group the slots change their owner.</summary>
    HandingOver = 1,

    /// <summary>The destination serves them, and what it writes is copied back, so that there is a way back.</summary>
    Soaking = 2,

    /// <summary>What the source still has is removed. From here there is no way back but another move.</summary>
    Dropping = 3,

    Done = 4,

    /// <summary>Slots that were handed over already are handed back.</summary>
    Reverting = 10,

    /// <summary>The source serves all of them; what the destination has is removed.</summary>
    RemovingCopy = 11,

    Reverted = 12,
}

/// <summary>Points of a move at which tests let a mover die. Nothing hangs on them otherwise.</summary>
public enum SlotMovePoint
{
    Begun,
    BatchCopied,
    Copied,
    Locked,
    TailCopied,
    Frozen,
    Activated,
    MapChanged,
    HandedOver,
    SoakPass,
    RoomsRemoved,
    StepChanged,
}

/// <summary>How a move is carried out. The defaults suit; tests make them small.</summary>
public sealed record SlotMoverOptions
{
    /// <summary>From asking for the first lock to the commit that gives slots away; otherwise they are let go and it is tried again later.</summary>
    public TimeSpan FreezeMax { get; init; } = TimeSpan.FromSeconds(1.5);

    /// <summary>For the writers that are at it when slots are frozen.</summary>
    public TimeSpan LockTimeout { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Before the mover says that it cannot be done at this load.</summary>
    public int FreezeAttemptsMax { get; init; } = 20;

    /// <summary>Between two attempts, in which writers catch up: long enough for whoever was refused.</summary>
    public TimeSpan FreezePause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Slots change their owner in groups of about so many rooms at most; a slot is never split.</summary>
    public int GroupRoomsMax { get; init; } = 1_000;

    /// <summary>Each takes a place in the server's lock table.</summary>
    public int GroupSlotsMax { get; init; } = 256;

    public int BatchEventsMax { get; init; } = 4_000;

    /// <summary>UTF-8, of one read and of one write.</summary>
    public int BatchBytesMax { get; init; } = 2 * 1024 * 1024;

    /// <summary>Rooms that are read or compared at once.</summary>
    public int Readers { get; init; } = 4;

    /// <summary>Between two passes of copying back.</summary>
    public TimeSpan SoakInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>A database that does not answer is asked again so often, <see cref="SoakInterval"/> apart, before the mover gives up.</summary>
    public int FailuresMax { get; init; } = 10;
}

/// <summary>How far a move has come.</summary>
/// <param name="Rooms">Copied (or compared, removed) in this step, of <paramref name="RoomsTotal"/>.</param>
/// <param name="SlotsHandedOver">Of <paramref name="SlotsTotal"/>.</param>
/// <param name="LongestPause">The longest time for which slots could not be written: from the first lock until the map named the new owner.</param>
/// <param name="SoakLeft">While soaking.</param>
public sealed record SlotMoveProgress(
    SlotMoveStep Step, long Rooms, long RoomsTotal, long Events, long EventsTotal, int SlotsHandedOver, int SlotsTotal, TimeSpan LongestPause, TimeSpan SoakLeft);

/// <summary>What was asked for is not safe, or makes no sense. Nothing was changed. The message says why.</summary>
public sealed class SlotMoveRefusedException(string message) : Exception(message);

/// <summary>The move stopped where it stands and can be resumed. The message says why.</summary>
public sealed class SlotMoveStoppedException(string message) : Exception(message);
