using System.Text;
using Monstera.Bench;
using Monstera.Bench.Load;

namespace Monstera.Tests.Bench;

/// <summary>Answers over HTTP, in whatever pieces they arrive.</summary>
public sealed class HttpReaderTests
{
    private const string Body = "{\"items\":[{\"seq\":12345}]}";
    private const string WithLength = "HTTP/1.1 200 OK\r\nX-Content-Length: 3\r\ncontent-length: 25\r\n\r\n" + Body;

    // The number is cut by a chunk, and a chunk begins with what looks like the end.
    private const string Chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n12\r\n{\"items\":[{\"seq\":1\r\n7\r\n2345}]}\r\n0\r\n\r\n";

    [Theory]
    [InlineData(WithLength)]
    [InlineData(Chunked)]
    public void Cut_at_any_two_places(string answer)
    {
        for (int first = 1; first < answer.Length; first++)
        {
            for (int second = first + 1; second < answer.Length; second++)
            {
                using HttpReader reader = Reader(answer[..first], answer[first..second], answer[second..]);
                Assert.Equal(Body, Encoding.ASCII.GetString(reader.Get("/p")));
            }
        }
    }

    [Theory]
    [InlineData(WithLength)]
    [InlineData(Chunked)]
    public void Byte_by_byte_and_again_on_the_same_connection(string answer)
    {
        using HttpReader reader = Reader([.. (answer + answer).Select(c => c.ToString())]);
        Assert.Equal(Body, Encoding.ASCII.GetString(reader.Get("/p")));
        Assert.Equal(Body, Encoding.ASCII.GetString(reader.Get("/q")));
    }

    [Fact]
    public void A_body_larger_than_the_buffer()
    {
        string large = new('x', 300_000);
        using HttpReader plain = Reader($"HTTP/1.1 200 OK\r\nContent-Length: {large.Length}\r\n\r\n{large}");
        Assert.Equal(large, Encoding.ASCII.GetString(plain.Get("/p")));
        using HttpReader chunked = Reader($"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{large.Length:X}\r\n{large}\r\n1\r\ny\r\n0\r\n\r\n");
        Assert.Equal(large + "y", Encoding.ASCII.GetString(chunked.Get("/p")));
    }

    [Theory]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")]
    public void Nothing(string answer)
    {
        using HttpReader reader = Reader(answer);
        Assert.True(reader.Get("/p").IsEmpty);
    }

    [Theory]
    [InlineData("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "GET /p: HTTP/1.1 404 Not Found")]
    [InlineData("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "the server hung up")]
    [InlineData("HTTP/1.1 200 OK\r\n\r\n", "GET /p: an answer without a length: ")]
    [InlineData("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "a chunk's length was expected: zz")]
    public void What_is_no_whole_answer_ends_the_run(string answer, string sentence)
    {
        using HttpReader reader = Reader(answer);
        Assert.StartsWith(sentence, Assert.Throws<BenchFailedException>(() => _ = reader.Get("/p").Length).Message, StringComparison.Ordinal);
    }

    private static HttpReader Reader(params string[] pieces) => new(new Pieces(pieces), "127.0.0.1", "t");

    /// <summary>Takes what is written, and gives one piece for each read.</summary>
    private sealed class Pieces(string[] pieces) : MemoryStream
    {
        private int _next;

        public override int Read(Span<byte> buffer)
        {
            if (_next == pieces.Length)
            {
                return 0;
            }

            byte[] piece = Encoding.ASCII.GetBytes(pieces[_next]);
            int count = Math.Min(piece.Length, buffer.Length);
            piece.AsSpan(0, count).CopyTo(buffer);
            pieces[_next] = pieces[_next][count..];
            _next += pieces[_next].Length == 0 ? 1 : 0;
            return count;
        }
    }
}
