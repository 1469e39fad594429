using System.Net;
using System.Net.Sockets;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>A link that did not do what its name says would prove nothing.</summary>
public sealed class LinkTests : IDisposable
{
    private readonly TcpListener _first = Listen();
    private readonly TcpListener _second = Listen();
    private readonly Link _link;

    public LinkTests() => _link = new Link(PortOf(_first));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _link.Dispose();
        _first.Dispose();
        _second.Dispose();
    }

    [Fact]
    public async Task It_carries_bytes_both_ways_and_the_end_too()
    {
        using TcpClient near = await Dial();
        using TcpClient far = await _first.AcceptTcpClientAsync(Cancel);
        await near.GetStream().WriteAsync(new byte[] { 1, 2, 3 }, Cancel);
        byte[] buffer = new byte[3];
        await far.GetStream().ReadExactlyAsync(buffer, Cancel);
        Assert.Equal(new byte[] { 1, 2, 3 }, buffer);
        await far.GetStream().WriteAsync(new byte[] { 9 }, Cancel);
        Assert.Equal(9, near.GetStream().ReadByte());
        near.Client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await far.GetStream().ReadAsync(buffer, Cancel));
    }

    [Fact]
    public async Task Cut_it_resets_who_is_there_and_who_comes_and_healed_it_carries_again()
    {
        using TcpClient near = await Dial();
        using TcpClient far = await _first.AcceptTcpClientAsync(Cancel);
        _link.Cut();
        await IsReset(near);
        await IsReset(far);
        using TcpClient next = new();
        await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await next.ConnectAsync(IPAddress.Loopback, _link.Port, Cancel);
            await next.GetStream().ReadExactlyAsync(new byte[1], Cancel);
        });
        _link.Pass();
        await Carries(_first);
    }

    [Fact]
    public async Task Silent_it_keeps_everything_to_itself_until_it_is_healed()
    {
        using TcpClient near = await Dial();
        using TcpClient far = await _first.AcceptTcpClientAsync(Cancel);
        _link.Silence();
        await near.GetStream().WriteAsync(new byte[] { 5 }, Cancel);
        Task<int> reading = far.GetStream().ReadAsync(new byte[1], Cancel).AsTask();
        using TcpClient next = await Dial();
        await Assert.ThrowsAsync<TimeoutException>(() => reading.WaitAsync(TimeSpan.FromMilliseconds(100), Cancel));
        Assert.False(_first.Pending());
        _link.Pass();
        Assert.Equal(1, await reading.WaitAsync(Signal.Patience, Cancel));
        using TcpClient late = await _first.AcceptTcpClientAsync(Cancel);
    }

    [Fact]
    public async Task Led_elsewhere_it_resets_the_old_and_carries_to_the_new()
    {
        using TcpClient near = await Dial();
        using TcpClient far = await _first.AcceptTcpClientAsync(Cancel);
        _link.Lead(PortOf(_second));
        await IsReset(near);
        await Carries(_second);
    }

    private static TcpListener Listen()
    {
        TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return listener;
    }

    private static int PortOf(TcpListener listener) => ((IPEndPoint)listener.LocalEndpoint).Port;

    private static async Task IsReset(TcpClient client)
    {
        IOException e = await Assert.ThrowsAsync<IOException>(() => client.GetStream().ReadExactlyAsync(new byte[1], Cancel).AsTask().WaitAsync(Signal.Patience, Cancel));
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(e.InnerException).SocketErrorCode);
    }

    private async Task Carries(TcpListener to)
    {
        using TcpClient near = await Dial();
        using TcpClient far = await to.AcceptTcpClientAsync(Cancel);
        await near.GetStream().WriteAsync(new byte[] { 4 }, Cancel);
        Assert.Equal(4, far.GetStream().ReadByte());
    }

    private async Task<TcpClient> Dial()
    {
        TcpClient client = new();
        await client.ConnectAsync(IPAddress.Loopback, _link.Port, Cancel);
        return client;
    }
}
