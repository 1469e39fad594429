namespace Monstera.Data.Archive;

/// <summary>What a copy is doing.</summary>
public enum CopyPhase
{
    Rooms,
    Directory,
    Verification,
}

/// <summary>How far a copy has come in its present phase. Told now and then, from any thread, one at a time.</summary>
/// <param name="Rooms">That were looked at.</param>
/// <param name="Events">That were written.</param>
/// <param name="Bytes">Of them, as <see cref="Monstera.Data.Rooms.IRoomStore.ReadAfter"/> counts.</param>
/// <param name="Total">What there is to do, about, since it may grow meanwhile: events that are to be written, or rooms that are to be compared. 0: not known.</param>
public readonly record struct CopyProgress(CopyPhase Phase, long Rooms, long Events, long Bytes, long Total = 0)
{
    /// <summary>From 0 to 1; null: not known.</summary>
    public double? Fraction => Total > 0 ? Math.Min(1, (double)(Phase == CopyPhase.Rooms ? Events : Rooms) / Total) : null;
}

/// <summary>How much an installation has.</summary>
public sealed record InstallationSize(long Rooms, long Events, long Tenants, long Accounts, long Sessions, long Invites, long UserRooms)
{
    /// <summary>Nobody has used it yet: a server that only ran may have left a tenant.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsEmpty => Rooms == 0 && Accounts == 0;
}

/// <summary>What a pass over the rooms did.</summary>
public sealed record RoomPass(long Rooms, long CopiedRooms, long Events, long Bytes);

/// <summary>What a comparison found.</summary>
/// <param name="Differences">What differs, for people; at most <see cref="InstallationCopy.DifferencesMax"/>.</param>
/// <param name="DifferentRooms">Those that differ, as many.</param>
public sealed record CopyVerification(long Rooms, long Events, IReadOnlyList<string> Differences, IReadOnlyList<ArchivedRoom> DifferentRooms)
{
    public bool IsEqual => Differences.Count == 0;
}
