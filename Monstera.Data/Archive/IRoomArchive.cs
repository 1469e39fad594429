using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>A room in an archive: how far its log goes.</summary>
public sealed record ArchivedRoom(RoomId Id, TenantId Tenant, long Epoch, long Head);

/// <summary>Consecutive events of one room, ascending, as one archive gives them and another takes them.</summary>
/// <param name="Epoch">Of the room; becomes that of the copy.</param>
public sealed record LogPart(RoomId Room, TenantId Tenant, long Epoch, IReadOnlyList<RoomEvent> Events);

/// <summary>
/// SHA-256 over all that a store holds of a room (<see cref="RoomDigester"/>): its log with texts and client ids, and what is projected from it. Equal in all providers when the rooms
/// are equal. The epoch is not in it.
/// </summary>
public sealed record RoomDigest(RoomId Room, TenantId Tenant, long Epoch, long Head, string Sha256);

/// <summary>
/// The rooms of one database, of all tenants, for who copies whole rooms: moves of slots, moves between providers, backups. A copy is the same log, projected again: the
/// log is the truth.
/// </summary>
/// <remarks>
/// Not for serving: it knows no members, no rules and no fences, and needs the owner's rights. What every provider guarantees (RoomArchiveContract holds each to it):
/// <list type="bullet">
/// <item>Reads may be made while others write; each call sees one instant. What was read is a prefix of the log: copying goes on after the last seq, until nothing is left.</item>
/// <item>An event read before its text was erased brings the text; the deletion, later in the log, erases it in the copy too.</item>
/// <item>Failure of the storage throws <see cref="StorageUnavailableException"/>.</item>
/// </list>
/// </remarks>
public interface IRoomArchive
{
    /// <summary>Rooms by id, after <paramref name="after"/>.</summary>
    /// <param name="slots">Null: of all slots.</param>
    /// <param name="limit">At most 10,000.</param>
    ValueTask<IReadOnlyList<ArchivedRoom>> ReadRooms(IReadOnlyCollection<short>? slots, RoomId? after, int limit, CancellationToken cancel);

    /// <summary>The log after <paramref name="after"/>, as <see cref="IRoomStore.ReadAfter"/> bounds it. Empty at its end, and for a room that is not there.</summary>
    ValueTask<IReadOnlyList<RoomEvent>> ReadLog(TenantId tenant, RoomId room, long after, int eventsMax, int bytesMax, CancellationToken cancel);

    /// <summary>Members of a room by user id, after <paramref name="after"/>. Empty for a room that is not there.</summary>
    /// <param name="limit">At most 10,000.</param>
    ValueTask<IReadOnlyList<RoomMember>> ReadMembers(TenantId tenant, RoomId room, UserId? after, int limit, CancellationToken cancel);

    /// <summary>
    /// For each pair the last event of the room's log with which the user's membership began or ended, in no order and without an id; pairs of which the log knows none are left out.
    /// </summary>
    /// <param name="of">At most 10,000.</param>
    ValueTask<IReadOnlyList<MembershipChange>> ReadMemberships(TenantId tenant, IReadOnlyCollection<(RoomId Room, UserId User)> of, CancellationToken cancel);

    /// <summary>
    /// Takes the parts, all in one transaction: makes the rooms that are not there, skips the events that are, appends the rest and projects it. What is already there is not compared. No
    /// membership change goes to the outbox. Client ids are recognised from then on as if they had been sent here.
    /// </summary>
    /// <exception cref="ArchiveConflictException">
    /// A part begins after the room's head + 1, or the room belongs to another tenant, or this database serves the room's slot at present. Nothing was written.
    /// </exception>
    ValueTask Write(IReadOnlyList<LogPart> parts, CancellationToken cancel);

    /// <summary>Null: not there. Reads all of the room.</summary>
    ValueTask<RoomDigest?> Digest(TenantId tenant, RoomId room, CancellationToken cancel);

    /// <summary>Removes the rooms with all that belongs to them, in one transaction; those that are not there are skipped.</summary>
    /// <exception cref="ArchiveConflictException">This database serves one of them at present.</exception>
    ValueTask Remove(TenantId tenant, IReadOnlyCollection<RoomId> rooms, CancellationToken cancel);
}
