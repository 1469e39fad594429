using System.Globalization;
using System.Net.Sockets;
using System.Text;

namespace Monstera.Bench.Measure;

/// <summary>Counters of a measured process's runtime, since its start.</summary>
internal readonly record struct RuntimeCounters(long AllocatedBytes, int Gen0, int Gen1, int Gen2, double PauseMs)
{
    /// <summary>Asks the hook inside the process.</summary>
    public static RuntimeCounters Read(string socketPath)
    {
        using Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Connect(new UnixDomainSocketEndPoint(socketPath));
        byte[] buffer = new byte[256];
        int count = socket.Receive(buffer);
        string[] fields = Encoding.ASCII.GetString(buffer, 0, count).Split(' ');
        return new RuntimeCounters(
            long.Parse(fields[0], CultureInfo.InvariantCulture),
            int.Parse(fields[1], CultureInfo.InvariantCulture),
            int.Parse(fields[2], CultureInfo.InvariantCulture),
            int.Parse(fields[3], CultureInfo.InvariantCulture),
            double.Parse(fields[4], CultureInfo.InvariantCulture));
    }
}
