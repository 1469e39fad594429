using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data.Rooms;

public class SlotTests
{
    /// <summary>Computed by another implementation, and published in docs/storage.md.</summary>
    [Theory]
    [InlineData("00000000-0000-0000-0000-000000000000", 2107)]
    [InlineData("00000000-0000-0000-0000-000000000001", 2901)]
    [InlineData("ffffffff-ffff-ffff-ffff-ffffffffffff", 1670)]
    [InlineData("00112233-4455-6677-8899-aabbccddeeff", 952)]
    [InlineData("018f3b2e-7c00-7000-8000-000000000000", 222)]
    [InlineData("018f3b2e-7c00-7000-8000-000000000001", 1521)]
    [InlineData("019a94f1-2b3c-7d4e-8f50-61728394a5b6", 3900)]
    public void The_slot_of_a_room_is_the_published_one(string room, int slot) => Assert.Equal(slot, Slot.Of(RoomId.Parse(room, null)));

    /// <summary>
    /// Chi squared over all slots. With 4,095 degrees of freedom its mean is 4,095 and its deviation 90: five of these either way.
    /// </summary>
    [Theory]
    [InlineData("drawn in one millisecond")]
    [InlineData("drawn one a second")]
    [InlineData("counted")]
    [InlineData("derived")]
    public void Rooms_are_spread_evenly(string how)
    {
        const int Rooms = 64 * Slot.Count;
        DateTimeOffset now = new(2026, 11, 21, 0, 0, 0, TimeSpan.Zero);
        var random = new Random(7);
        byte[] tail = new byte[10];
        Guid Version7(DateTimeOffset at)
        {
            random.NextBytes(tail);
            byte[] bytes = new byte[16];
            Guid.CreateVersion7(at).TryWriteBytes(bytes, bigEndian: true, out _);
            tail.CopyTo(bytes, 6);
            return new Guid(bytes, bigEndian: true);
        }

        int[] counts = new int[Slot.Count];
        for (int i = 0; i < Rooms; i++)
        {
            counts[Slot.Of(how switch
            {
                "drawn in one millisecond" => new RoomId(Version7(now)),
                "drawn one a second" => new RoomId(Version7(now.AddSeconds(i))),
                "counted" => new RoomId(new Guid(i, 0, 0x7000, 0x80, 0, 0, 0, 0, 0, 0, 0)),
                _ => DerivedIds.RoomOfKey(new TenantId(Guid.Empty), $"key {i}"),
            })]++;
        }

        double expected = (double)Rooms / Slot.Count;
        double chiSquared = counts.Sum(count => (count - expected) * (count - expected) / expected);
        Assert.InRange(chiSquared, 4_095 - (5 * 90), 4_095 + (5 * 90));
    }
}
