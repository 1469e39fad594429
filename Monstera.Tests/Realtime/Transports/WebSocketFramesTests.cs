using System.Buffers;
using Monstera.Server.Realtime.Transports;
using Monstera.Server.Realtime.Transports.Direct;

namespace Monstera.Tests.Realtime.Transports;

/// <summary>Framing of RFC 6455 section 5, and heads of requests, whichever way the bytes are cut.</summary>
public sealed class WebSocketFramesTests
{
    [Fact]
    public void The_example_of_the_RFC_is_read()
    {
        // "A single-frame masked text message: Hello" (section 5.7).
        byte[] frame = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];

        Assert.Equal(WebSocketReadStatus.Read, WebSocketFrames.TryReadHead(new ReadOnlySequence<byte>(frame), 100, out WebSocketFrameHead head));
        Assert.Equal((WebSocketOpcode.Text, true, 5, 6), (head.Opcode, head.IsFinal, head.PayloadBytes, head.HeadBytes));
        byte[] plain = new byte[5];
        WebSocketFrames.Unmask(new ReadOnlySequence<byte>(frame.AsMemory(6)), head.Mask, plain);
        Assert.Equal("Hello"u8.ToArray(), plain);
    }

    [Fact]
    public void Every_length_in_any_pieces_comes_back_unmasked()
    {
        Random random = new(3);
        foreach (int length in (int[])[0, 1, 3, 4, 7, 8, 9, 125, 126, 127, 128, 65_535, 65_536, 100_000])
        {
            byte[] payload = new byte[length];
            random.NextBytes(payload);
            byte[] frame = MaskedFrame.Of(0x82, payload, [1, 200, 3, 77]);
            ReadOnlySequence<byte> pieces = Cut(frame, random);

            Assert.Equal(WebSocketReadStatus.Read, WebSocketFrames.TryReadHead(pieces, 200_000, out WebSocketFrameHead head));
            byte[] plain = new byte[head.PayloadBytes];
            WebSocketFrames.Unmask(pieces.Slice(head.HeadBytes, head.PayloadBytes), head.Mask, plain);
            Assert.Equal(payload, plain);
            for (int i = 0; i < head.HeadBytes; i++)
            {
                Assert.Equal(WebSocketReadStatus.Incomplete, WebSocketFrames.TryReadHead(new ReadOnlySequence<byte>(frame.AsMemory(0, i)), 200_000, out _));
            }
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x81, 0x05, 1, 2, 3, 4, 5 }, WebSocketReadStatus.Malformed)] // not masked
    [InlineData(new byte[] { 0xc1, 0x80, 1, 2, 3, 4 }, WebSocketReadStatus.Malformed)] // a reserved bit
    [InlineData(new byte[] { 0x83, 0x80, 1, 2, 3, 4 }, WebSocketReadStatus.Malformed)] // an unknown opcode
    [InlineData(new byte[] { 0x09, 0x80, 1, 2, 3, 4 }, WebSocketReadStatus.Malformed)] // a ping in parts
    [InlineData(new byte[] { 0x89, 0xfe, 0, 126, 1, 2, 3, 4 }, WebSocketReadStatus.Malformed)] // a ping too long
    [InlineData(new byte[] { 0x81, 0xfe, 0, 101, 1, 2, 3, 4 }, WebSocketReadStatus.TooLarge)]
    [InlineData(new byte[] { 0x81, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4 }, WebSocketReadStatus.TooLarge)]
    [InlineData(new byte[] { 0x81, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 1, 2, 3, 4 }, WebSocketReadStatus.TooLarge)]
    public void What_no_client_may_send_is_told_apart(byte[] frame, WebSocketReadStatus expected) =>
        Assert.Equal(expected, WebSocketFrames.TryReadHead(new ReadOnlySequence<byte>(frame), 100, out _));

    [Fact]
    public void Random_bytes_never_throw()
    {
        Random random = new(11);
        for (int i = 0; i < 20_000; i++)
        {
            byte[] noise = new byte[random.Next(0, 30)];
            random.NextBytes(noise);
            WebSocketReadStatus status = WebSocketFrames.TryReadHead(Cut(noise, random), 1_000, out WebSocketFrameHead head);
            Assert.True(status != WebSocketReadStatus.Read || (head.PayloadBytes is >= 0 and <= 1_000 && head.HeadBytes <= noise.Length));
        }
    }

    [Theory]
    [InlineData("GET /hub?access_token=a.b-c_d HTTP/1.1", true)]
    [InlineData("GET /hub HTTP/1.1", true)]
    [InlineData("GET /HUB HTTP/1.1", false)]
    [InlineData("GET /hub/negotiate HTTP/1.1", false)]
    [InlineData("GET /hub HTTP/1.0", false)]
    [InlineData("POST /hub HTTP/1.1", false)]
    [InlineData("GET http://host/hub HTTP/1.1", false)]
    [InlineData("GET /hub#x HTTP/1.1", false)]
    [InlineData("GET  /hub HTTP/1.1", false)]
    public void Only_a_plain_request_for_the_hub_takes_the_short_way(string line, bool expected) => Assert.Equal(expected, Takes(line, "Host: h"));

    [Theory]
    [InlineData("Host: h\r\nHost: i")]
    [InlineData("Host: h\r\nContent-Length: 5")]
    [InlineData("Host: h\r\nTransfer-Encoding: chunked")]
    [InlineData("Host: h\r\nExpect: 100-continue")]
    [InlineData("Host: h\r\n folded")]
    [InlineData("Host : h")]
    [InlineData("Host: h\r\nNo-Colon")]
    [InlineData("Host: h\r\nBad\u0001: x")]
    [InlineData("Host: h\r\nX: a\u0000b")]
    [InlineData("Host: h\r\nX: a\rb")]
    [InlineData("Host: h\r\nX: é")]
    [InlineData("Host: h\r\nUpgrade: h2c")]
    [InlineData("X: no host")]
    public void Anything_unusual_is_left_to_the_HTTP_server(string headers) => Assert.False(Takes("GET /hub HTTP/1.1", headers));

    private static bool Takes(string line, string headers)
    {
        byte[] request = System.Text.Encoding.UTF8.GetBytes(
            $"{line}\r\n{headers}\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Version: 13\r\n\r\nrest");
        UpgradeRequest? read = UpgradeRequest.TryRead(request, "/hub", out int headBytes);
        Assert.Equal(read is null ? 0 : request.Length - "rest".Length, headBytes);
        return read is not null;
    }

    /// <summary>The same bytes as a chain of segments.</summary>
    private static ReadOnlySequence<byte> Cut(byte[] bytes, Random random)
    {
        Segment first = new(ReadOnlyMemory<byte>.Empty, 0);
        Segment last = first;
        for (int i = 0; i < bytes.Length;)
        {
            int length = Math.Min(random.Next(1, 20), bytes.Length - i);
            last = last.Append(bytes.AsMemory(i, length));
            i += length;
        }

        return new ReadOnlySequence<byte>(first, 0, last, last.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, long index) => (Memory, RunningIndex) = (memory, index);

        public Segment Append(ReadOnlyMemory<byte> memory)
        {
            Segment next = new(memory, RunningIndex + Memory.Length);
            Next = next;
            return next;
        }
    }
}
