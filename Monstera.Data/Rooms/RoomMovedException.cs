namespace Monstera.Data.Rooms;

/// <summary>
/// The database asked does not own the room's slot at the epoch that the caller believes in: it was moved, or is being moved. Nothing was written. Who knows of several
/// shards looks up where the slot is and tries there; to anybody else the room is unavailable for now.
/// </summary>
public sealed class RoomMovedException : StorageUnavailableException
{
    /// <param name="slot">The first of the batch's slots for which it is so (<see cref="Rooms.Slot"/>).</param>
    public RoomMovedException(short slot)
        : base($"Slot {slot} is not, or not now, written in this database.") => Slot = slot;

    public short Slot { get; }
}
