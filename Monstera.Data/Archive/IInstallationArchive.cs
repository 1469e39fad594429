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

    /// <summary>Each room is in one of them. To be asked for anew for each pass: <see cref="FindWriters"/> may open them again.</summary>
    IReadOnlyList<ShardArchive> Shards { get; }

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
    /// Tries to be alone with it: null, nobody else writes to it now (and, where this process owns it from now on, nobody will). Otherwise who does, for people.
    /// </summary>
    ValueTask<string?> FindWriters(CancellationToken cancel);

    /// <summary>
    /// Sees to it that nobody can write any more, also who was not found: what is there now is all there will be. Where owning it does that already, nothing happens.
    /// </summary>
    ValueTask Fence(string movedTo, DateTimeOffset at, CancellationToken cancel);

    /// <summary>From now on servers are refused: it was moved. The last thing before <see cref="EndCopy"/> of the other side.</summary>
    ValueTask MarkMoved(string movedTo, DateTimeOffset at, CancellationToken cancel);

    /// <summary>Takes back <see cref="Fence"/> and <see cref="MarkMoved"/>: servers may start here again. What is served already stays as it is.</summary>
    ValueTask Reopen(CancellationToken cancel);
}
