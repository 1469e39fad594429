namespace Monstera.Data.Rooms;

/// <summary>Why a draft was not taken. Each stands for the error code of the same name.</summary>
public enum RefusalCode
{
    /// <summary>The room is not there, or the sender is no member of it; or the target is no message.</summary>
    NotFound,

    /// <summary>A member, but not allowed to.</summary>
    Forbidden,

    /// <summary>The target was deleted.</summary>
    Gone,

    /// <summary>Against the room's present state.</summary>
    Conflict,
}

/// <summary>An expected "no" to one draft. It changes nothing and harms no other draft of the batch.</summary>
public sealed record Refusal(RefusalCode Code, string Message);

/// <summary>
/// What became of one draft: either a <see cref="Refusal"/>, or the <see cref="Seq"/> and <see cref="At"/> of its (first) event. A retry, or a draft that had
/// nothing to change, names the event that did it earlier and has no <see cref="Events"/>.
/// </summary>
public sealed record AppendOutcome
{
    public Refusal? Refusal { get; init; }

    public long Epoch { get; init; }

    public long Seq { get; init; }

    public DateTimeOffset At { get; init; }

    /// <summary>The events that this draft added to the log, in order; empty when it added none.</summary>
    public IReadOnlyList<RoomEvent> Events { get; init; } = [];

    public static AppendOutcome Refused(RefusalCode code, string message) => new() { Refusal = new Refusal(code, message) };
}
