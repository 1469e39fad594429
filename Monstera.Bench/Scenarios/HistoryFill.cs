using Monstera.Bench.Load;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Data.Sqlite;

namespace Monstera.Bench.Scenarios;

/// <summary>Writes many messages through the storage's own interface: the same rows as the server would write, without its network.</summary>
internal static class HistoryFill
{
    private const int BatchMax = 1_024;
    private const int TellEvery = 100;

    public static SendMessage Draft(TenantId tenant, string roomKey, UserId sender, int number)
    {
        (Guid clientId, string text) = MessageText.Of(number);
        return new SendMessage(text)
        {
            Tenant = tenant,
            Room = DerivedIds.RoomOfKey(tenant, roomKey),
            Sender = sender,
            ClientId = new ClientId(clientId),
        };
    }

    /// <summary>Fills the room up to <paramref name="messages"/>; what is there already stays.</summary>
    public static async Task Fill(SqliteRoomStore rooms, TenantId tenant, string roomKey, UserId sender, int messages, DateTimeOffset now, Action<string> tell)
    {
        RoomId room = DerivedIds.RoomOfKey(tenant, roomKey);
        LogPage? page = await rooms.ReadAfter(tenant, room, null, long.MaxValue - 1, 1, 1, CancellationToken.None);
        long head = page?.Head ?? throw new BenchFailedException($"there is no room {roomKey}");

        // Before the messages come room.created and member.joined.
        int next = (int)Math.Max(0, head - 2);
        for (int batch = 0; next < messages; batch++)
        {
            int count = Math.Min(BatchMax, messages - next);
            var drafts = new Draft[count];
            for (int i = 0; i < count; i++)
            {
                drafts[i] = Draft(tenant, roomKey, sender, next + i);
            }

            await rooms.Append(drafts, now, CancellationToken.None);
            next += count;
            if (batch % TellEvery == 0)
            {
                tell($"filling {roomKey}: {next:#,0} of {messages:#,0} messages");
            }
        }
    }
}
