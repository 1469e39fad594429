using Monstera.Data.Ids;

namespace Monstera.Server.Nodes;

/// <summary>
/// What a node tells the others that stands in no log. A hint: it may be lost, repeated or overtaken by another, and whoever must not miss it finds it out in another way too
/// (sessions are looked up again, heads are compared).
/// </summary>
/// <remarks>A node ignores kinds that it does not know: nodes of two versions work side by side.</remarks>
public abstract record NodeSignal
{
    /// <summary>The room that it is about: then only nodes that listen to the room's partition are told. Null: all are.</summary>
    public virtual RoomId? About => null;
}

/// <summary>Somebody types.</summary>
public sealed record TypingSignal(TenantId Tenant, RoomId Room, UserId User) : NodeSignal
{
    public override RoomId? About => Room;
}

/// <summary>A user's read marker moved: the user's other devices show it.</summary>
public sealed record ReadSignal(TenantId Tenant, UserId User, RoomId Room, long Seq, int Unread) : NodeSignal;

/// <summary>A user's list of rooms changed.</summary>
public sealed record RoomsSignal(TenantId Tenant, UserId User) : NodeSignal;

/// <summary>A session has ended: its connections are cut and nothing that was remembered of it holds.</summary>
public sealed record SessionEndedSignal(SessionId Session) : NodeSignal;

/// <summary>What the directory says of a user changed.</summary>
public sealed record UserSignal(TenantId Tenant, UserId User) : NodeSignal;

/// <summary>What the directory says of a tenant changed.</summary>
public sealed record TenantSignal(TenantId Tenant) : NodeSignal;
