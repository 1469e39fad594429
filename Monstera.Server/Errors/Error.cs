using Monstera.Data.Rooms;

namespace Monstera.Server.Errors;

/// <summary>An expected "no", the same over the hub and over REST.</summary>
/// <param name="Message">For developers, in English. Never holds a secret or a message's text.</param>
/// <param name="RetryAfterMs">Present exactly when the same call may be tried again.</param>
public sealed record Error(ErrorCode Code, string Message, int? RetryAfterMs = null)
{
    public static Error Invalid(string message) => new(ErrorCode.Invalid, message);

    public static Error NotFound(string what) => new(ErrorCode.NotFound, $"There is no such {what}, or it is not yours to see.");

    public static Error Unavailable() => new(ErrorCode.Unavailable, "The storage does not answer. Whether it was stored is unknown.", 1_000);

    public static Error From(Refusal refusal) => new(
        refusal.Code switch
        {
            RefusalCode.NotFound => ErrorCode.NotFound,
            RefusalCode.Forbidden => ErrorCode.Forbidden,
            RefusalCode.Gone => ErrorCode.Gone,
            RefusalCode.Conflict => ErrorCode.Conflict,
            _ => ErrorCode.Internal,
        },
        refusal.Message);
}

/// <summary>A value, or the error that came instead.</summary>
public readonly record struct Result<T>
{
    private Result(T? value, Error? error) => (Value, Error) = (value, error);

    /// <summary>Set unless <see cref="Error"/> is.</summary>
    public T? Value { get; }

    public Error? Error { get; }

    public static implicit operator Result<T>(T value) => new(value, null);

    public static implicit operator Result<T>(Error error) => new(default, error);
}
