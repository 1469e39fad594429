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

    /// <summary>For figures: why, as far as it is known.</summary>
    public StorageFaultKind Kind { get; init; }
}

/// <summary>Why a storage could not do it.</summary>
public enum StorageFaultKind
{
    /// <summary>Away, full, unwritable, or anything else.</summary>
    Unavailable,

    /// <summary>It took longer than it may, or waited so long for a lock or a connection.</summary>
    Timeout,

    /// <summary>Two transactions waited for each other, again and again.</summary>
    Deadlock,

    /// <summary>Others were faster, again and again.</summary>
    Race,
}
