using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Data.Directory;
using Monstera.Data.Rooms;
using Monstera.Server.Accounts;
using Monstera.Server.Backplane;
using Monstera.Server.Cache;
using Monstera.Tests.Data;
using Monstera.Tests.Data.Directory;
using Monstera.Tests.Data.Sqlite;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.Cache;

/// <summary>A directory as a node sees it: remembered in front of a storage that counts what it is asked.</summary>
internal sealed class CachingNode : IDisposable
{
    private readonly ServiceProvider _meters = new ServiceCollection().AddMetrics().BuildServiceProvider();
    private readonly MemoryBackplane _backplane;

    public CachingNode(IDirectory stored, MemoryBackplaneWire wire, TimeProvider time, ISharedCache? shared = null)
    {
        _backplane = new MemoryBackplane(wire);
        Endings = new SessionEndings(_backplane, time);
        Meters = _meters.GetRequiredService<IMeterFactory>();
        IDirectory counted = CountingDirectory.Around(stored, out CountingDirectory counting);
        Asked = counting;
        Directory = new CachedDirectory(counted, Endings, _backplane, shared ?? new NoSharedCache(), new CacheMeter(Meters), time);
    }

    public IDirectory Directory { get; }

    public SessionEndings Endings { get; }

    public CountingDirectory Asked { get; }

    public IMeterFactory Meters { get; }

    /// <summary>Calls of the storage since the last time.</summary>
    public string[] NewCalls()
    {
        List<string> calls = [];
        while (Asked.Called.TryDequeue(out string? call))
        {
            calls.Add(call);
        }

        return [.. calls];
    }

    public void Dispose()
    {
        _backplane.Dispose();
        _meters.Dispose();
    }
}

/// <summary>SQLite behind the cache, for the directory's contract.</summary>
public sealed class CachedStorage : StorageUnderTest
{
    private readonly SqliteStorage _stored = new();
    private CachingNode _node;

    public CachedStorage() => _node = Node();

    public override IRoomStore Rooms => _stored.Rooms;

    public override IDirectory Directory => _node.Directory;

    public override void Reopen()
    {
        _stored.Reopen();
        _node.Dispose();
        _node = Node();
    }

    public override void Dispose()
    {
        _node.Dispose();
        _stored.Dispose();
    }

    private CachingNode Node() => new(_stored.Directory, new MemoryBackplaneWire(), TimeProvider.System);
}

/// <summary>Whoever remembers is held to the same contract as the storage.</summary>
public sealed class CachedDirectoryContractTests : DirectoryContract
{
    protected override StorageUnderTest OpenStorage() => new CachedStorage();
}
