using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>What a rebuild found.</summary>
/// <param name="Entries">Of the index, when it began.</param>
/// <param name="Corrected">Entries that were not as the rooms have it.</param>
/// <param name="Members">Of all rooms; those that the index lacked are in it now.</param>
public sealed record RebuiltIndex(long Entries, long Corrected, long Members);

/// <summary>
/// Rebuilds the directory's index of who is in which room from the rooms, whose logs are the truth. Servers may run: whatever they bring meanwhile is newer and stays. Read markers stay.
/// Run again, it finds nothing to do.
/// </summary>
/// <remarks>Any room that cannot be asked ends it: a membership that nobody knows of would be ended.</remarks>
public static class MembershipIndexRebuild
{
    private const int PageRows = 2_000;

    /// <summary>
    /// 1. goes through the index: an entry becomes what the room's log says of it last, ended when the log knows nothing; 2. goes through the rooms: their members are put into the index where
    /// it knows nothing as new.
    /// </summary>
    /// <exception cref="StorageRefusedException">The installation is not served.</exception>
    /// <exception cref="StorageUnavailableException">The directory or a shard did not answer. What was done is right, and the rest is as it was.</exception>
    public static async Task<RebuiltIndex> Run(IInstallationArchive installation, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(installation);
        (await installation.Directory.ReadInstallation(cancel)).RefuseUnlessServed(installation.Place);
        var rebuilt = new RebuiltIndex(0, 0, 0);

        // 1.
        TenantId? after = null;
        IReadOnlyList<TenantRecord> tenants;
        do
        {
            tenants = await installation.Directory.ReadTenants(after, PageRows, cancel);
            foreach (TenantRecord tenant in tenants)
            {
                rebuilt = await Correct(installation, tenant.Tenant, rebuilt, cancel);
                after = tenant.Tenant;
            }
        }
        while (tenants.Count > 0);

        // 2.
        List<MembershipChange> joined = [];
        await foreach (ArchivedRoom room in RoomWalk.Of(installation.Shards, cancel))
        {
            await foreach (RoomMember member in Members(installation.RoomsOf(room.Id), room, cancel))
            {
                joined.Add(new MembershipChange(0, room.Tenant, member.User, room.Id, member.JoinedSeq, true, member.JoinedAt));
                rebuilt = rebuilt with { Members = rebuilt.Members + 1 };
                if (joined.Count == PageRows)
                {
                    await installation.Apply(joined, cancel);
                    joined.Clear();
                }
            }
        }

        await installation.Apply(joined, cancel);
        return rebuilt;
    }

    private static async Task<RebuiltIndex> Correct(IInstallationArchive installation, TenantId tenant, RebuiltIndex rebuilt, CancellationToken cancel)
    {
        DirectoryKey? after = null;
        while (true)
        {
            // The index first, then the rooms: what the rooms say is as new or newer.
            UserRoomRecord[] page = [.. (await installation.Directory.Read(DirectoryTable.UserRooms, tenant, after, PageRows, cancel)).Cast<UserRoomRecord>()];
            if (page.Length == 0)
            {
                return rebuilt;
            }

            Dictionary<(RoomId, UserId), MembershipChange> known = [];
            foreach (IGrouping<IRoomArchive, UserRoomRecord> ofShard in page.GroupBy(entry => installation.RoomsOf(entry.Room)))
            {
                foreach (MembershipChange change in await ofShard.Key.ReadMemberships(tenant, [.. ofShard.Select(entry => (entry.Room, entry.User))], cancel))
                {
                    known.Add((change.Room, change.User), change);
                }
            }

            (UserRoomRecord Was, UserRoomRecord Is)[] wrong =
            [
                .. page.Select(entry => (Was: entry, Is: AsItShouldBe(entry, known.GetValueOrDefault((entry.Room, entry.User))))).Where(pair => pair.Was != pair.Is),
            ];
            rebuilt = rebuilt with
            {
                Entries = rebuilt.Entries + page.Length,
                Corrected = rebuilt.Corrected + await installation.Directory.Correct(wrong, cancel),
            };
            after = page[^1].Key;
        }
    }

    private static UserRoomRecord AsItShouldBe(UserRoomRecord entry, MembershipChange? last)
    {
        if (last is null)
        {
            // Of no event, so that any that comes counts.
            return entry with { Seq = 0, Member = false };
        }

        bool isAsItIs = entry.Seq == last.Seq && entry.Member == last.Member && entry.JoinedAt == last.At;
        return isAsItIs
            ? entry
            : entry with { Seq = last.Seq, Member = last.Member, JoinedAt = last.At, ReadSeq = last.Member ? Math.Max(entry.ReadSeq, last.Seq) : entry.ReadSeq };
    }

    private static async IAsyncEnumerable<RoomMember> Members(
        IRoomArchive rooms, ArchivedRoom room, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancel)
    {
        UserId? after = null;
        IReadOnlyList<RoomMember> page;
        do
        {
            page = await rooms.ReadMembers(room.Tenant, room.Id, after, PageRows, cancel);
            foreach (RoomMember member in page)
            {
                yield return member;
                after = member.User;
            }
        }
        while (page.Count == PageRows);
    }
}
