namespace Monstera.Data;

/// <summary>
/// The storage cannot be opened as it is, and trying again does not help: another process owns it, a newer version made it, or it was tampered with.
/// The message says what a person can do. Thrown when opening only.
/// </summary>
public sealed class StorageRefusedException : Exception
{
    public StorageRefusedException(string message, Exception? inner = null)
        : base(message, inner)
    {
    }
}
