namespace Monstera.Data;

/// <summary>
/// The storage could not do it now: full, locked, unwritable, away. Whether a write happened is unknown; what is tried again with the same client id is settled.
/// </summary>
public class StorageUnavailableException : Exception
{
    public StorageUnavailableException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }

    /// <summary>It was not even reached, or ended in the middle: whoever asks next will most likely wait in vain too.</summary>
    public bool IsAway { get; init; }
}
