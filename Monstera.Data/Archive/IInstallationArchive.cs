using Monstera.Data.Ids;
using Monstera.Data.Rooms;

namespace Monstera.Data.Archive;

/// <summary>Rooms of one database that belong to it: <see cref="Slots"/> of an installation with several, null when it has them all.</summary>
public sealed record ShardArchive(IRoomArchive Rooms, IReadOnlyCollection<short>? Slots);

/// <summary>
/// A whole installation as the source or destination of a copy: its directory, its rooms, and who may serve it. One for each provider.
/// </summary>
public interface IInstallationArchive : IAsyncDisposable
{
    /// <summary>For people to read; nothing secret.</summary>
    string Place { get; }

    IDirectoryArchive Directory { get; }

    /// <summary>Each room is in one of them.</summary>
    IReadOnlyList<ShardArchive> Shards { get; }

    /// <summary>Nobody else can write to it as long as this is open: it is owned here, or was fenced.</summary>
    bool IsQuiet { get; }

    /// <summary>Where the room belongs, whether it is there or not.</summary>
    IRoomArchive RoomsOf(RoomId room);

    /// <summary>Membership changes of all rooms that the directory may not have yet.</summary>
    ValueTask<IReadOnlyList<MembershipChange>> ReadOutbox(CancellationToken cancel);

    /// <summary>Applies them as <see cref="Monstera.Data.Directory.IDirectory.ApplyMemberships"/> does.</summary>
    ValueTask Apply(IReadOnlyList<MembershipChange> changes, CancellationToken cancel);

    /// <summary>
    /// From now on this is a copy of the installation <paramref name="id"/> that is not finished, which no server serves. Again: nothing changes.
    /// </summary>
    /// <exception cref="ArchiveConflictException">It was changed by somebody else meanwhile.</exception>
    ValueTask BeginCopy(Guid id, CancellationToken cancel);

    /// <summary>The copy is finished: servers may start.</summary>
    ValueTask EndCopy(CancellationToken cancel);

    /// <summary>
    /// Sees to it that nobody can write any more, where ownership of this process does not already: what was written is all there will be. Servers that come later are refused.
    /// </summary>
    ValueTask Close(string movedTo, DateTimeOffset at, CancellationToken cancel);

    /// <summary>Takes back <see cref="Close"/>: servers may start here again.</summary>
    ValueTask Reopen(CancellationToken cancel);
}
