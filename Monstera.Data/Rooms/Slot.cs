using Monstera.Data.Ids;

namespace Monstera.Data.Rooms;

/// <summary>
/// Which of the 4,096 slots a room belongs to; what moves between shards are slots. Published with test vectors in docs/storage.md: never change.
/// </summary>
/// <remarks>
/// FNV-1a (32 bit) over the id's 16 bytes in the order of its text, then MurmurHash3's finaliser, which spreads the last bytes over all bits; of that the lowest 12 bits.
/// A few lines in any language, and ids that differ in one bit (UUIDv7s of the same millisecond) land anywhere.
/// </remarks>
public static class Slot
{
    /// <summary>Slots are 0 … 4,095.</summary>
    public const int Count = 4_096;

    public static short Of(RoomId room)
    {
        Span<byte> bytes = stackalloc byte[16];
        room.Value.TryWriteBytes(bytes, bigEndian: true, out _);
        uint hash = 2_166_136_261;
        foreach (byte b in bytes)
        {
            hash = (hash ^ b) * 16_777_619;
        }

        hash ^= hash >> 16;
        hash *= 0x85EB_CA6B;
        hash ^= hash >> 13;
        hash *= 0xC2B2_AE35;
        hash ^= hash >> 16;
        return (short)(hash % Count);
    }
}
