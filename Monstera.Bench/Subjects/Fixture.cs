using Monstera.Bench.Storage;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Bench.Subjects;

/// <summary>A filled set of data: users, rooms and memberships as connection tokens would have made them, written through the storage's own interface.</summary>
internal sealed record Fixture(TenantId Tenant, IReadOnlyList<UserId> Users)
{
    private const int BatchMax = 1_024;

    public static async Task<Fixture> Fill(OpenData data, Layout layout, TimeProvider time)
    {
        IDirectory directory = data.Directory;
        IRoomStore rooms = data.Rooms;
        DateTimeOffset now = time.GetUtcNow();
        TenantId tenant = (await directory.EnsureTenant(Monstera.Data.Directory.Tenant.DefaultKey, now, CancellationToken.None)).Id;

        List<UserId> users = new(layout.Clients);
        List<Draft> admissions = new(layout.Clients);
        for (int i = 0; i < layout.Clients; i++)
        {
            string name = Layout.UserName(i);
            string key = Layout.RoomKey(i / layout.MembersPerRoom);
            users.Add((await directory.EnsureExternalUser(tenant, name, name, now, CancellationToken.None)).Id);
            admissions.Add(new AdmitMember(key) { Tenant = tenant, Room = DerivedIds.RoomOfKey(tenant, key), Sender = users[i] });
        }

        foreach (Draft[] batch in admissions.Chunk(BatchMax))
        {
            await rooms.Append(batch, now, CancellationToken.None);
        }

        await Index(rooms, directory);
        return new Fixture(tenant, users);
    }

    /// <summary>Brings the memberships into the directory, which the server would otherwise do at its start.</summary>
    private static async Task Index(IRoomStore rooms, IDirectory directory)
    {
        foreach (IMembershipOutbox outbox in rooms.Outboxes)
        {
            while (await outbox.Read(BatchMax, CancellationToken.None) is { Count: > 0 } changes)
            {
                await directory.ApplyMemberships(changes, CancellationToken.None);
                await outbox.Acknowledge(changes[^1].Id, CancellationToken.None);
            }
        }
    }
}
