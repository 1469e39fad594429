namespace Monstera.Data.Postgres;

/// <summary>First halves of the keys of advisory locks; all but the last are held until the end of a transaction, never by a session. Also in docs/storage.md: who moves slots takes them too.</summary>
internal static class PostgresLocks
{
    /// <summary>With the slot as second half: shared by its writers, alone by who moves it.</summary>
    public const int Slot = 0x4D53;

    /// <summary>With a turn (<see cref="TurnOf"/>) as second half: servers that write to the same rooms come one after another.</summary>
    public const int Turn = 0x4D54;

    /// <summary>With 0 as second half: from before a membership change gets its id until it is committed.</summary>
    public const int Outbox = 0x4D4F;

    /// <summary>With 0 as second half, in the directory's database: held by the session of a command that moves or copies data, of which there is one at a time.</summary>
    public const int Operation = 0x4D58;

    /// <summary>Few enough that the turns of a large batch do not fill the server's lock table, and so many that small batches of other rooms seldom share one.</summary>
    private const int Turns = 256;

    public static int TurnOf(short slot) => slot % Turns;
}
