using System.Net;
using System.Net.Sockets;
using Monstera.Tests.Data.Postgres;

namespace Monstera.Tests.Redis;

/// <summary>A way to a server that can be cut (connections are reset, new ones refused) and mended.</summary>
internal sealed class CuttableWire : IDisposable
{
    private readonly Lock _gate = new();
    private readonly List<Socket> _sockets = [];
    private readonly int _to;
    private Socket? _listener;

    public CuttableWire(int to)
    {
        _to = to;
        Port = PostgresTools.FreePort();
        SetCut(false);
    }

    public int Port { get; }

    public void SetCut(bool cut)
    {
        lock (_gate)
        {
            if (cut)
            {
                _listener?.Dispose();
                _listener = null;
                foreach (Socket socket in _sockets)
                {
                    socket.Close(0);
                }

                _sockets.Clear();
            }
            else if (_listener is null)
            {
                _listener = new Socket(SocketType.Stream, ProtocolType.Tcp);
                _listener.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
                _listener.Bind(new IPEndPoint(IPAddress.Loopback, Port));
                _listener.Listen();
                _ = Accept(_listener);
            }
        }
    }

    public void Dispose() => SetCut(true);

    private async Task Accept(Socket listener)
    {
        try
        {
            while (true)
            {
                Socket from = await listener.AcceptAsync();
                Socket to = new(SocketType.Stream, ProtocolType.Tcp);
                lock (_gate)
                {
                    if (_listener != listener)
                    {
                        from.Close(0);
                        to.Dispose();
                        return;
                    }

                    _sockets.AddRange([from, to]);
                }

                await to.ConnectAsync(IPAddress.Loopback, _to);
                _ = Copy(from, to);
                _ = Copy(to, from);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut.
        }
    }

    private static async Task Copy(Socket from, Socket to)
    {
        byte[] buffer = new byte[65_536];
        try
        {
            while (await from.ReceiveAsync(buffer) is > 0 and var read)
            {
                for (int sent = 0; sent < read;)
                {
                    sent += await to.SendAsync(buffer.AsMemory(sent, read - sent));
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Cut, or one side has ended.
        }

        from.Dispose();
        to.Dispose();
    }
}
