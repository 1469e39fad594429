namespace Monstera.Tests.Realtime.Transports;

/// <summary>WebSocket frames as clients send them (RFC 6455 section 5.2).</summary>
internal static class MaskedFrame
{
    /// <param name="first">The final bit and the opcode.</param>
    /// <param name="mask">Four bytes.</param>
    public static byte[] Of(byte first, byte[] payload, byte[] mask)
    {
        List<byte> frame = [first];
        switch (payload.Length)
        {
            case < 126:
                frame.Add((byte)(0x80 | payload.Length));
                break;
            case <= 65_535:
                frame.AddRange([0xfe, (byte)(payload.Length >> 8), (byte)payload.Length]);
                break;
            default:
                frame.AddRange([0xff, 0, 0, 0, 0, 0, (byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length]);
                break;
        }

        return [.. frame, .. mask, .. payload.Select((b, i) => (byte)(b ^ mask[i % 4]))];
    }
}
