using System.Buffers.Binary;
using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Monstera.Bench.Load;

/// <summary>A non-blocking TCP socket to a port of this machine.</summary>
internal static unsafe class ClientSocket
{
    /// <summary>Further connections come from the next address of 127.0.0.0/8, so that ephemeral ports never run short.</summary>
    private const int ConnectionsPerAddress = 20_000;

    /// <summary>Begins to connect; the socket becomes writable when that has ended.</summary>
    /// <param name="ordinal">Which of many connections this is.</param>
    /// <param name="receiveBufferBytes">0: as the system has it.</param>
    public static int Connect(int port, int ordinal, int receiveBufferBytes)
    {
        int fd = Libc.Socket(Libc.AddressFamilyInternet, Libc.StreamNonBlockingCloseOnExec, 0);
        if (fd < 0)
        {
            throw Failure("socket (is `ulimit -n` high enough?)");
        }

        SetOption(fd, Libc.LevelTcp, Libc.OptionNoDelay, 1);
        SetOption(fd, Libc.LevelIp, Libc.OptionBindAddressNoPort, 1);
        if (receiveBufferBytes > 0)
        {
            SetOption(fd, Libc.LevelSocket, Libc.OptionReceiveBuffer, receiveBufferBytes);
        }

        Libc.SocketAddress source = Address(0x7F000001 + (uint)(ordinal / ConnectionsPerAddress), 0);
        Libc.SocketAddress target = Address(0x7F000001, port);
        if (Libc.Bind(fd, &source, sizeof(Libc.SocketAddress)) < 0
            || (Libc.Connect(fd, &target, sizeof(Libc.SocketAddress)) < 0 && Marshal.GetLastPInvokeError() != Libc.InProgress))
        {
            Win32Exception failure = Failure("connect");
            _ = Libc.Close(fd);
            throw failure;
        }

        return fd;
    }

    /// <summary>0, or why connecting failed.</summary>
    public static int ErrorOf(int fd)
    {
        int error = 0;
        int length = sizeof(int);
        return Libc.GetOption(fd, Libc.LevelSocket, Libc.OptionError, &error, &length) < 0 ? Marshal.GetLastPInvokeError() : error;
    }

    /// <returns>How many bytes came; 0 when the other side has closed; -1 when there is nothing now.</returns>
    public static int Receive(int fd, Span<byte> buffer)
    {
        fixed (byte* start = buffer)
        {
            nint count = Libc.Receive(fd, start, buffer.Length, 0);
            return count >= 0 ? (int)count : Marshal.GetLastPInvokeError() == Libc.ConnectionReset ? 0 : Nothing("recv");
        }
    }

    /// <returns>How many bytes were taken; -1 when none can be now.</returns>
    public static int Send(int fd, ReadOnlySpan<byte> bytes)
    {
        fixed (byte* start = bytes)
        {
            nint count = Libc.Send(fd, start, bytes.Length, Libc.NoSignal);
            return count >= 0 ? (int)count : Nothing("send");
        }
    }

    private static int Nothing(string call)
    {
        int error = Marshal.GetLastPInvokeError();
        return error is Libc.Again or Libc.Interrupted ? -1 : throw new Win32Exception(error, call);
    }

    private static void SetOption(int fd, int level, int option, int value)
    {
        if (Libc.SetOption(fd, level, option, &value, sizeof(int)) < 0)
        {
            throw Failure("setsockopt");
        }
    }

    private static Libc.SocketAddress Address(uint address, int port) => new()
    {
        Family = Libc.AddressFamilyInternet,
        Port = BinaryPrimitives.ReverseEndianness((ushort)port),
        Address = BinaryPrimitives.ReverseEndianness(address),
    };

    private static Win32Exception Failure(string call) => new(Marshal.GetLastPInvokeError(), call);
}
