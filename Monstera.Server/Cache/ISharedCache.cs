namespace Monstera.Server.Cache;

/// <summary>
/// What the nodes of an installation remember together, behind what each remembers by itself. A hint like the backplane: it may be away, or lose anything at any time; then the storage
/// is asked. What it must not do is give what was removed.
/// </summary>
/// <remarks>No method throws. All may be called from any number of threads.</remarks>
public interface ISharedCache
{
    /// <summary>
    /// What is remembered; or nothing, and then perhaps the right to fill it in. Whoever is given that reads the storage afterwards.
    /// </summary>
    ValueTask<SharedEntry> Read(SharedKey key);

    /// <summary>
    /// Fills in what was read from the storage, unless the key was removed since the lease was given: so what was read before a change never comes back after it. Never waits.
    /// </summary>
    void Fill(SharedKey key, Guid lease, ReadOnlyMemory<byte> value);

    /// <summary>Forgets it, and takes back the right to fill it in. To be called after the change is committed.</summary>
    /// <returns>False: it may still be there, and is to be removed again when the backplane is back.</returns>
    ValueTask<bool> Remove(SharedKey key);
}

/// <param name="Group">What the key is about; keys of one group lie together.</param>
public readonly record struct SharedKey(string Group, string Name);

/// <param name="Lease">The right to fill it in; null: it is there, or somebody else is about to fill it in, or nothing can be kept now.</param>
public readonly record struct SharedEntry(ReadOnlyMemory<byte>? Value, Guid? Lease);

/// <summary>A node alone remembers by itself.</summary>
public sealed class NoSharedCache : ISharedCache
{
    public ValueTask<SharedEntry> Read(SharedKey key) => default;

    public void Fill(SharedKey key, Guid lease, ReadOnlyMemory<byte> value)
    {
    }

    public ValueTask<bool> Remove(SharedKey key) => ValueTask.FromResult(true);
}
