using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;

namespace Monstera.Server.Rooms;

/// <summary>A room as one of its members sees it: docs/protocol.md section 10.</summary>
public sealed record RoomView(
    RoomId Id,
    RoomKind Kind,
    string? Name,
    string? Topic,
    long Epoch,
    long Head,
    int Members,
    RoomRole Role,
    long ReadSeq,
    int Unread,
    DateTimeOffset JoinedAt,
    UserView? With,
    TimelineItem? Last);

/// <summary>A page of the caller's rooms.</summary>
/// <param name="Next">As in <see cref="Rest.PageView{T}"/>.</param>
/// <param name="Missing">Rooms of this page that cannot be read now; absent when there are none. They are the caller's still, and come back by themselves.</param>
public sealed record RoomListView(IReadOnlyList<RoomView> Items, string? Next, IReadOnlyList<RoomId>? Missing);

/// <summary>A page of the workspace's public rooms.</summary>
/// <param name="Next">As in <see cref="Rest.PageView{T}"/>.</param>
/// <param name="Incomplete">True when some rooms cannot be read now and may be left out; absent otherwise.</param>
public sealed record RoomDirectoryView(IReadOnlyList<PublicRoom> Items, string? Next, bool? Incomplete);
