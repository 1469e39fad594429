using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Monstera.Bench.Load;

/// <summary>
/// A server for <c>ceiling</c>: greets as Monstera does, and then writes events to all its clients as fast as they take them, from one thread and without reading. It is
/// faster than any chat server, so what limits is the generator.
/// </summary>
internal sealed class Firehose(int eventsPerFrame)
{
    public const string RoomId = "5eed5eed-0000-7000-8000-000000000000";

    /// <summary>After so many messages it falls silent.</summary>
    public const int MessagesMax = 4_000_000;

    private const int Clients = 200;

    public int Run()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start(Clients);
        Console.WriteLine($"http://{listener.LocalEndpoint}");
        List<Socket> clients = [];
        while (clients.Count < Clients)
        {
            Socket client = listener.AcceptSocket();
            client.NoDelay = true;
            clients.Add(client);
        }

        // In the generator's order: each of its steps waits for all.
        Answer(clients, "HTTP/1.1 101 Switching Protocols\r\n\r\n"u8.ToArray());
        Answer(clients, Frame("{}\u001e{\"type\":3,\"invocationId\":\"h\",\"result\":{}}\u001e"));
        Answer(clients, Frame(
            $"{{\"type\":3,\"invocationId\":\"r\",\"result\":{{\"rooms\":[{{\"room\":\"{RoomId}\","
            + "\"status\":\"complete\",\"epoch\":1,\"head\":0,\"next\":0,\"events\":[]}]}}\u001e"));
        try
        {
            for (int number = 0; number + eventsPerFrame <= MessagesMax; number += eventsPerFrame)
            {
                byte[] frame = Events(number);
                foreach (Socket client in clients)
                {
                    client.Send(frame);
                }
            }
        }
        catch (SocketException)
        {
            // The generator has seen enough.
        }

        return 0;
    }

    private static void Answer(List<Socket> clients, byte[] answer)
    {
        byte[] ignored = new byte[4_096];
        foreach (Socket client in clients)
        {
            client.Receive(ignored);
            client.Send(answer);
        }
    }

    private byte[] Events(int first)
    {
        StringBuilder json = new($"{{\"type\":1,\"target\":\"Events\",\"arguments\":[{{\"room\":\"{RoomId}\",\"epoch\":1,\"events\":[");
        for (int number = first; number < first + eventsPerFrame; number++)
        {
            (Guid clientId, string text) = MessageText.Of(number);
            json.Append(number == first ? "" : ",").Append(
                CultureInfo.InvariantCulture,
                $"{{\"seq\":{number + 1},\"type\":\"message.created\",\"sender\":\"{RoomId}\",\"at\":\"2026-11-21T10:02:03.456Z\",");
            json.Append(CultureInfo.InvariantCulture, $"\"clientId\":\"{clientId}\",\"text\":\"{text}\"}}");
        }

        return Frame(json.Append("]}]}\u001e").ToString());
    }

    private static byte[] Frame(string payload)
    {
        byte[] frame = new byte[4 + payload.Length];
        frame[0] = 0x81;
        frame[1] = 126;
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(2), checked((ushort)payload.Length));
        Encoding.ASCII.GetBytes(payload, frame.AsSpan(4));
        return frame;
    }
}
