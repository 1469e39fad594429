using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>The databases of the cluster. The directory and the first shard are in one PostgreSQL server, the second shard has another.</summary>
internal enum Database
{
    Directory,
    First,
    Second,
}

/// <summary>A node as a process of its own, with ways of its own to everything behind it.</summary>
internal sealed class ClusterNode(int index, Link redis, IReadOnlyList<Link> databases) : IAsyncDisposable
{
    private const int RestartsMax = 20;
    private static readonly TimeSpan RestartPause = TimeSpan.FromMilliseconds(500);

    private ServerProcess? _server;

    public int Index => index;

    public Link Redis => redis;

    public Uri Address => _server!.Address;

    public string Output => _server?.Output ?? "";

    public Link To(Database database) => databases[(int)database];

    public async Task Start(params (string Key, string Value)[] settings)
    {
        _server = await ServerProcess.Start([("NodeName", $"node{index}"), ("ConnectionStrings:Redis", $"127.0.0.1:{redis.Port}"), .. settings]);

        // The balancer knows it by its address.
        _server.KeepsAddress = true;
    }

    public Task Kill9() => _server!.Kill9();

    /// <returns>The exit code.</returns>
    public async Task<int> Terminate() => (await _server!.Terminate()).ExitCode;

    /// <summary>On the same port, which a client's socket may have got meanwhile: then again.</summary>
    public async Task Restart()
    {
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                await _server!.Restart();
                return;
            }
            catch (InvalidOperationException) when (attempt < RestartsMax)
            {
                await Task.Delay(RestartPause, TimeProvider.System);
            }
        }
    }

    /// <summary>It keeps its connections and does nothing.</summary>
    public Task Freeze() => _server!.Tell("-STOP");

    public Task Thaw() => _server!.Tell("-CONT");

    public async ValueTask DisposeAsync()
    {
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }

        redis.Dispose();
        foreach (Link link in databases)
        {
            link.Dispose();
        }
    }
}
