using System.Buffers.Binary;
using System.Text;
using Monstera.Bench;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>A server's frames, in whatever pieces they arrive.</summary>
public sealed class FrameReaderTests
{
    private static readonly string[] Records = ["", "{}", "{\"type\":6}", new('a', 200), "おはよう", "cut in two frames", "end"];

    // Two records in a frame, a record over two, a ping and an empty frame in between, all forms of short lengths, a separator inside a ping.
    private static readonly byte[] Stream =
    [
        .. Frame(0x81, "\u001e{}\u001e"),
        .. Frame(0x81, "{\"type\":6}\u001e"),
        .. Frame(0x89, "a\u001eb"),
        .. Frame(0x81, new string('a', 200) + "\u001e"),
        .. Frame(0x82, "おはよう\u001ecut in "),
        .. Frame(0x81, ""),
        .. Frame(0x8A, ""),
        .. Frame(0x01, "two fra"),
        .. Frame(0x80, "mes\u001eend\u001e"),
    ];

    [Fact]
    public void In_one_piece() => Assert.Equal(Records, Read(Stream));

    [Fact]
    public void Cut_at_any_two_places()
    {
        for (int first = 0; first <= Stream.Length; first++)
        {
            for (int second = first; second <= Stream.Length; second++)
            {
                string[] read = Read(Stream[..first], Stream[first..second], Stream[second..]);
                if (!read.AsSpan().SequenceEqual(Records))
                {
                    Assert.Fail($"cut at {first} and {second}: {string.Join(" | ", read)}");
                }
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(7)]
    [InlineData(4_096)]
    public void Frames_of_all_lengths_in_small_pieces(int piece)
    {
        string[] records = [.. new[] { 0, 1, 124, 125, 126, 127, 65_534, 65_535, 65_536, 70_000 }.Select(length => new string('x', length))];
        byte[] stream = [.. records.SelectMany(record => Frame(0x81, record + "\u001e"))];
        Assert.Equal(records, Read([.. stream.Chunk(piece)]));
    }

    [Fact]
    public void A_ping_wants_a_pong_and_nothing_else_does()
    {
        Assert.True(Fed(Frame(0x89, "x")).PongIsDue);
        Assert.False(Fed([.. Frame(0x81, "x\u001e"), .. Frame(0x8A, "")]).PongIsDue);
    }

    [Theory]
    [InlineData(0x83, 0x00)] // an opcode that does not exist
    [InlineData(0xC1, 0x00)] // compressed, which was never agreed on
    [InlineData(0x81, 0x80)] // masked, which no server does
    public void A_frame_that_no_server_may_send(byte first, byte second) =>
        Assert.StartsWith("a WebSocket frame that no server may send: ", Assert.Throws<BenchFailedException>(() => Read([first, second])).Message, StringComparison.Ordinal);

    [Fact]
    public void A_close_ends_the_run_unless_it_is_wanted()
    {
        byte[] close = Frame(0x88, "\u0003\u0000going away");
        Assert.Equal("the server closed connection 0: going away", Assert.Throws<BenchFailedException>(() => Read(close)).Message);

        Connection leaving = FakeRun.Connect()[0];
        leaving.IsLeaving = true;
        leaving.Reader.Feed(close, leaving, new Sink(), now: 0);
    }

    private static FrameReader Fed(byte[] bytes)
    {
        FrameReader reader = default;
        reader.Feed(bytes, FakeRun.Connect()[0], new Sink(), now: 0);
        return reader;
    }

    private static string[] Read(params byte[][] pieces)
    {
        Sink sink = new();
        Connection connection = new(0, new Room("r", "r"), "");
        FrameReader reader = default;
        foreach (byte[] piece in pieces)
        {
            reader.Feed(piece, connection, sink, now: 0);
        }

        return [.. sink.Records];
    }

    private static byte[] Frame(byte first, string text)
    {
        byte[] payload = Encoding.UTF8.GetBytes(text);
        byte[] length = new byte[8];
        BinaryPrimitives.WriteInt64BigEndian(length, payload.Length);
        byte[] header = payload.Length switch
        {
            <= 125 => [(byte)payload.Length],
            <= ushort.MaxValue => [126, .. length[6..]],
            _ => [127, .. length],
        };
        return [first, .. header, .. payload];
    }

    private sealed class Sink : IRecordSink
    {
        public List<string> Records { get; } = [];

        public void OnRecord(Connection connection, ReadOnlySpan<byte> record, long now) => Records.Add(Encoding.UTF8.GetString(record));
    }
}
