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
}
