using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Presence;

namespace Monstera.Server.Wire;

/// <summary>The losable signals of docs/protocol.md section 7, and the two messages about the connection itself.</summary>
public static class SignalFrames
{
    /// <summary>The list of rooms changed.</summary>
    public static ReadOnlyMemory<byte> Rooms { get; } = Signal(new { type = "rooms" });

    public static ReadOnlyMemory<byte> Typing(RoomId room, UserId user) => Signal(new { type = "typing", room, user });

    public static ReadOnlyMemory<byte> Presence(IEnumerable<(UserId User, PresenceState State)> people) =>
        HubFrames.Invocation("Signals"u8, new { signals = people.Select(one => new { type = "presence", user = one.User, state = one.State }).ToArray() });

    /// <summary>The user's own choice of presence, for the user's devices alone.</summary>
    public static ReadOnlyMemory<byte> Choice(PresenceChoice choice) => Signal(new { type = "choice", choice });

    public static ReadOnlyMemory<byte> Read(RoomId room, long seq, int unread) => Signal(new { type = "read", room, seq, unread });

    /// <param name="reason"><c>session_ended</c>, <c>token_expired</c> or <c>account_disabled</c>.</param>
    public static ReadOnlyMemory<byte> SignedOut(string reason) => HubFrames.Invocation("SignedOut"u8, new { reason });

    public static ReadOnlyMemory<byte> Reconnect(int afterMs) => HubFrames.Invocation("Reconnect"u8, new { afterMs });

    private static ReadOnlyMemory<byte> Signal<T>(T signal) => HubFrames.Invocation("Signals"u8, new { signals = new[] { signal } });
}
