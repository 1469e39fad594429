using Monstera.Data.Directory;
using Monstera.Data.Rooms;

namespace Monstera.Tests.Data;

/// <summary>What a provider gives to the contract suites: empty storage that can be closed and opened again as it is.</summary>
public abstract class StorageUnderTest : IDisposable
{
    public abstract IRoomStore Rooms { get; }

    public abstract IDirectory Directory { get; }

    /// <summary>As after a restart of the server: the same content, nothing in memory.</summary>
    public abstract void Reopen();

    public abstract void Dispose();
}
