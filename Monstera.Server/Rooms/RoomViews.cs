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
