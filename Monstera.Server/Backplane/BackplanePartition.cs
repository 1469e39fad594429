using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Server.Backplane;

/// <summary>Rooms share partitions of the backplane, so that a node hears only of partitions in which it has rooms, and what is listened to stays few.</summary>
public static class BackplanePartition
{
    /// <summary>Partitions are 0 … 127.</summary>
    public const int Count = 128;

    public static int Of(RoomId room) => Slot.Of(room) % Count;
}
