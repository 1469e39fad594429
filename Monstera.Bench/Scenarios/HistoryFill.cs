using Monstera.Bench.Storage;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Bench.Scenarios;

/// <summary>Writes many messages past the server: the same rows as it would write, without its network.</summary>
internal static class HistoryFill
{
    private const int TellEvery = 100_000;

    /// <summary>Fills the room up to <paramref name="messages"/>; what is there already stays.</summary>
    public static async Task Fill(OpenData data, TenantId tenant, string roomKey, UserId sender, int messages, DateTimeOffset now, Action<string> tell)
    {
        RoomId room = DerivedIds.RoomOfKey(tenant, roomKey);
        LogPage? page = await data.Rooms.ReadAfter(tenant, room, null, long.MaxValue - 1, 1, 1, CancellationToken.None);
        long head = page?.Head ?? throw new BenchFailedException($"there is no room {roomKey}");

        // Before the messages come room.created and member.joined.
        int next = (int)Math.Max(0, head - 2);
        int told = -TellEvery;
        while (next < messages)
        {
            int count = Math.Min(data.WriteMax, messages - next);
            await data.Write(tenant, roomKey, sender, next, count, now);
            next += count;
            if (next - told >= TellEvery)
            {
                told = next;
                tell($"filling {roomKey}: {next:#,0} of {messages:#,0} messages");
            }
        }
    }
}
