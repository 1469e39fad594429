namespace Monstera.Data.Rooms;

/// <summary>
/// The database asked does not own these slots at the epochs that the caller believes in: they were moved, or are being moved. Nothing was written or read. Who knows of
/// several shards looks up where the slots are and tries there; to anybody else their rooms are unavailable for now.
/// </summary>
public sealed class RoomMovedException : StorageUnavailableException
{
    private const int NamedMax = 10;

    /// <param name="slots">At least one (<see cref="Slot"/>).</param>
    public RoomMovedException(IReadOnlyCollection<short> slots)
        : base($"Not, or not now, owned by the database that was asked: {Names(slots)}.") => Slots = slots;

    /// <summary>All of the call's slots for which it is so, in no order.</summary>
    public IReadOnlyCollection<short> Slots { get; }

    private static string Names(IReadOnlyCollection<short> slots)
    {
        ArgumentNullException.ThrowIfNull(slots);
        ArgumentOutOfRangeException.ThrowIfZero(slots.Count, nameof(slots));
        string named = string.Join(", ", slots.Take(NamedMax));
        return slots.Count <= NamedMax ? $"slot {named}" : $"{slots.Count} slots, such as {named}";
    }
}
