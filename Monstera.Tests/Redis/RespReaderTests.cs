using System.Globalization;
using System.Text;
using FsCheck;
using FsCheck.Fluent;
using Monstera.Server.Redis;

namespace Monstera.Tests.Redis;

/// <summary>RESP as it arrives: in any pieces, of any content.</summary>
public sealed class RespReaderTests
{
    [Theory]
    [InlineData("+OK\r\n", "b:OK")]
    [InlineData("-ERR no such thing\r\n", "e:ERR no such thing")]
    [InlineData(":-42\r\n", "i:-42")]
    [InlineData("$5\r\na\r\nbc\r\n", "b:a\r\nbc")]
    [InlineData("$0\r\n\r\n", "b:")]
    [InlineData("$-1\r\n", "null")]
    [InlineData("*-1\r\n", "null")]
    [InlineData("_\r\n", "null")]
    [InlineData("#t\r\n", "i:1")]
    [InlineData("#f\r\n", "i:0")]
    [InlineData(",3.25\r\n", "b:3.25")]
    [InlineData("(3492890328409238509324850943850943825024385\r\n", "b:3492890328409238509324850943850943825024385")]
    [InlineData("!5\r\nERR x\r\n", "e:ERR x")]
    [InlineData("=8\r\ntxt:some\r\n", "b:some")]
    [InlineData("*0\r\n", "[]")]
    [InlineData("*3\r\n:1\r\n*2\r\n+a\r\n-b\r\n$1\r\nc\r\n", "[i:1,[b:a,e:b],b:c]")]
    [InlineData("~1\r\n:1\r\n", "[i:1]")]
    [InlineData("%2\r\n+a\r\n:1\r\n+b\r\n%0\r\n", "{b:a,i:1,b:b,{}}")]
    [InlineData("|1\r\n+ttl\r\n:9\r\n*2\r\n|1\r\n+x\r\n*1\r\n:3\r\n:1\r\n:2\r\n", "[i:1,i:2]")]
    [InlineData("|0\r\n:7\r\n", "i:7")]
    [InlineData(">2\r\n+message\r\n+x\r\n", ">[b:message,b:x]")]
    public void Every_type_is_read_whole_in_one_piece_and_byte_by_byte(string wire, string expected)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(wire + ":5\r\n");
        Assert.Equal([expected, "i:5"], Read([bytes]));
        Assert.Equal([expected, "i:5"], Read([.. bytes.Select(b => new[] { b })]));
    }

    [Theory]
    [InlineData("x\r\n")]
    [InlineData("\r\n")]
    [InlineData("+OK\n")]
    [InlineData(":\r\n")]
    [InlineData(":1x\r\n")]
    [InlineData(":99999999999999999999\r\n")]
    [InlineData("$-2\r\n")]
    [InlineData("$33554433\r\n")]
    [InlineData("$99999999999\r\n")]
    [InlineData("$?\r\n")]
    [InlineData("$3\r\nabcd\r\n")]
    [InlineData("*1048577\r\n")]
    [InlineData("%1048576\r\n")]
    [InlineData("*-2\r\n")]
    [InlineData("*2\r\n*1048575\r\n")]
    [InlineData("#x\r\n")]
    [InlineData("_x\r\n")]
    [InlineData("*1\r\n>1\r\n+x\r\n")]
    [InlineData(">0\r\n")]
    [InlineData("*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n")]
    public void What_is_no_RESP_is_refused(string wire) => Assert.Throws<RespException>(() => Read([Encoding.UTF8.GetBytes(wire)]));

    [Fact]
    public void Strings_of_one_reply_are_bounded_together()
    {
        RespReader reader = new();
        byte[] some = new byte[16_777_216];
        Feed(reader, Encoding.UTF8.GetBytes($"*3\r\n${some.Length}\r\n"));
        Feed(reader, some);
        Feed(reader, Encoding.UTF8.GetBytes($"\r\n${some.Length}\r\n"));
        Feed(reader, some);
        Assert.False(reader.TryRead(out _));
        Feed(reader, "\r\n$1\r\n"u8.ToArray());
        Assert.Throws<RespException>(() => reader.TryRead(out _));
    }

    [Fact]
    public void What_is_announced_takes_no_memory_before_it_comes()
    {
        RespReader reader = new();
        Feed(reader, "*1048576\r\n$33554432\r\nabc"u8.ToArray());
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.False(reader.TryRead(out _));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 4_096);
        Assert.InRange(reader.Buffered, 0, 16_384);
        Assert.Throws<RespException>(() => Read([new byte[70_000]]));
    }

    [Fact]
    public void Any_replies_are_read_the_same_however_they_are_cut()
    {
        Gen<string> one = Gen.Sized(size => Reply(Math.Min(size, 3)));
        Prop.ForAll(one.ListOf().ToArbitrary(), ArbMap.Default.ArbFor<int>(), (wires, seed) =>
        {
            byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(wires));
            Random random = new(seed);
            List<byte[]> pieces = [];
            for (int at = 0; at < bytes.Length;)
            {
                int length = Math.Min(bytes.Length - at, random.Next(1, 12));
                pieces.Add(bytes[at..(at + length)]);
                at += length;
            }

            Assert.Equal(Read([bytes]), Read(pieces));
            Assert.Equal(wires.Count, Read([bytes]).Count);
        }).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void Garbage_is_read_or_refused_and_never_hangs_or_grows()
    {
        byte[] alphabet = "+-:$*%~>_#,(!=|0123456789\r\n\r\n\r\nab"u8.ToArray();
        for (int seed = 0; seed < 3_000; seed++)
        {
            Random random = new(seed);
            byte[] garbage = new byte[random.Next(1, 200)];
            for (int i = 0; i < garbage.Length; i++)
            {
                garbage[i] = random.Next(50) == 0 ? (byte)random.Next(256) : alphabet[random.Next(alphabet.Length)];
            }

            try
            {
                Read([garbage]);
            }
            catch (RespException)
            {
                // That is what it is for.
            }
        }
    }

    private static Gen<string> Reply(int depth)
    {
        Gen<string> text = ArbMap.Default.GeneratorFor<string>().Select(some => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(some ?? "")));
        Gen<string> flat = Gen.OneOf(
            ArbMap.Default.GeneratorFor<long>().Select(number => string.Create(CultureInfo.InvariantCulture, $":{number}\r\n")),
            text.Select(some => $"${Encoding.UTF8.GetByteCount(some)}\r\n{some}\r\n"),
            text.Select(some => $"+{some.Replace('\r', ' ').Replace('\n', ' ')}\r\n"),
            Gen.Constant("_\r\n"));
        return depth == 0 ? flat : Gen.OneOf(
            flat,
            Reply(depth - 1).ListOf().Select(items => $"*{items.Count}\r\n{string.Concat(items)}"),
            Reply(depth - 1).ListOf().Select(items => $"%{items.Count}\r\n{string.Concat(items.Select(item => "+k\r\n" + item))}"));
    }

    private static List<string> Read(IReadOnlyList<byte[]> pieces)
    {
        RespReader reader = new();
        List<string> replies = [];
        foreach (byte[] piece in pieces)
        {
            Feed(reader, piece);
            while (reader.TryRead(out RedisReply reply))
            {
                replies.Add(Show(reply));
            }
        }

        return replies;
    }

    private static void Feed(RespReader reader, byte[] bytes)
    {
        for (int at = 0; at < bytes.Length;)
        {
            Memory<byte> free = reader.Free();
            int length = Math.Min(free.Length, bytes.Length - at);
            bytes.AsSpan(at, length).CopyTo(free.Span);
            reader.Advance(length);
            at += length;
        }
    }

    private static string Show(RedisReply reply) => reply.Kind switch
    {
        RedisReplyKind.Null => "null",
        RedisReplyKind.Integer => $"i:{reply.Integer}",
        RedisReplyKind.Bytes => $"b:{reply.Text}",
        RedisReplyKind.Error => $"e:{reply.Text}",
        RedisReplyKind.Array => $"[{Items(reply)}]",
        RedisReplyKind.Map => $"{{{Items(reply)}}}",
        _ => $">[{Items(reply)}]",
    };

    private static string Items(RedisReply reply) => string.Join(',', reply.Items.ToArray().Select(Show));
}
