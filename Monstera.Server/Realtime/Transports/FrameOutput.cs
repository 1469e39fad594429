using System.Buffers;
using System.IO.Pipelines;

namespace Monstera.Server.Realtime.Transports;

/// <summary>
/// Where a connection's frames go: a pipe, with WebSocket framing around them or without (the fallback transports frame by themselves). Whoever has the connection's turn
/// writes; nobody else.
/// </summary>
public sealed class FrameOutput(PipeWriter pipe, bool isWebSocket)
{
    /// <summary>Begins a message of <paramref name="bytes"/>, which <see cref="Write"/> then gives in parts.</summary>
    public void Begin(int bytes)
    {
        if (isWebSocket)
        {
            Head(WebSocketOpcode.Text, bytes);
        }
    }

    public void Write(ReadOnlySpan<byte> part) => pipe.Write(part);

    /// <summary>Sends what was written. Completes at once unless the other side lags by more than the send buffer.</summary>
    public ValueTask<FlushResult> Flush() => pipe.FlushAsync();

    /// <summary>Answers a WebSocket ping.</summary>
    public void Pong(ReadOnlySpan<byte> payload)
    {
        Head(WebSocketOpcode.Pong, payload.Length);
        pipe.Write(payload);
    }

    /// <summary>Says why a WebSocket closes (RFC 6455 section 7.4). Nothing for other transports.</summary>
    public void Close(ushort code)
    {
        if (isWebSocket)
        {
            Head(WebSocketOpcode.Close, sizeof(ushort));
            pipe.Write([(byte)(code >> 8), (byte)code]);
        }
    }

    private void Head(WebSocketOpcode opcode, int bytes)
    {
        Span<byte> head = pipe.GetSpan(WebSocketFrames.ServerHeadBytesMax);
        pipe.Advance(WebSocketFrames.WriteHead(head, opcode, bytes));
    }
}
