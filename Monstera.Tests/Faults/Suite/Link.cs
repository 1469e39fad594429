using System.Net;
using System.Net.Sockets;

namespace Monstera.Tests.Faults.Suite;

/// <summary>The way of one node to one server behind it, over TCP: carries bytes, or cuts who uses it, or lets nothing through and says nothing.</summary>
internal sealed class Link : IDisposable
{
    private const int BufferBytes = 32_768;

    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _gate = new();
    private readonly HashSet<Socket> _open = [];
    private int _target;
    private bool _cut;
    private TaskCompletionSource _passing = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Link(int target)
    {
        _target = target;
        _passing.SetResult();
        _listener.Start();
        _ = Accept();
    }

    /// <summary>On 127.0.0.1: where the node finds it.</summary>
    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>Resets all connections, and each new one at once.</summary>
    public void Cut()
    {
        lock (_gate)
        {
            _cut = true;
        }

        ResetAll();
    }

    /// <summary>Connections stay and can be made, and nothing gets through. What was under way arrives after <see cref="Pass"/>, as after a network's trouble.</summary>
    public void Silence()
    {
        lock (_gate)
        {
            _passing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public void Pass()
    {
        lock (_gate)
        {
            _cut = false;
            _passing.TrySetResult();
        }
    }

    /// <summary>Another server answers from now on: who is connected to the last one is reset.</summary>
    public void Lead(int target)
    {
        lock (_gate)
        {
            _target = target;
        }

        ResetAll();
    }

    public void Dispose()
    {
        _stop.Cancel();
        _listener.Dispose();
        Pass();
        ResetAll();
        _stop.Dispose();
    }

    private async Task Accept()
    {
        CancellationToken stop = _stop.Token;
        try
        {
            while (true)
            {
                Socket near = await _listener.AcceptSocketAsync(stop);
                _ = Carry(near, stop);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Disposed of.
        }
    }

    private async Task Carry(Socket near, CancellationToken stop)
    {
        Socket far = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        near.NoDelay = true;
        try
        {
            if (!Add(near, far, out int target))
            {
                return;
            }

            await Passing();
            await far.ConnectAsync(IPAddress.Loopback, target, stop);
            await Task.WhenAll(Pump(near, far, stop), Pump(far, near, stop));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // Either side is gone.
        }
        finally
        {
            Reset(near);
            Reset(far);
        }
    }

    private async Task Pump(Socket from, Socket to, CancellationToken stop)
    {
        byte[] buffer = new byte[BufferBytes];
        try
        {
            int count;
            while ((count = await from.ReceiveAsync(buffer, stop)) > 0)
            {
                await Passing();
                for (int sent = 0; sent < count;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, count - sent), stop);
                }
            }

            to.Shutdown(SocketShutdown.Send);
        }
        catch
        {
            // So that the other direction ends too.
            Reset(from);
            Reset(to);
            throw;
        }
    }

    private Task Passing()
    {
        lock (_gate)
        {
            return _passing.Task;
        }
    }

    private bool Add(Socket near, Socket far, out int target)
    {
        lock (_gate)
        {
            target = _target;
            if (_cut)
            {
                return false;
            }

            _open.Add(near);
            _open.Add(far);
            return true;
        }
    }

    private void ResetAll()
    {
        Socket[] open;
        lock (_gate)
        {
            open = [.. _open];
        }

        Array.ForEach(open, Reset);
    }

    private void Reset(Socket socket)
    {
        lock (_gate)
        {
            _open.Remove(socket);
        }

        try
        {
            socket.LingerState = new LingerOption(enable: true, seconds: 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // It was never connected, or is gone.
        }

        socket.Dispose();
    }
}
