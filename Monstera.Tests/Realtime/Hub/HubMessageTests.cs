using System.Text;
using Monstera.Server.Realtime.Hub;

namespace Monstera.Tests.Realtime.Hub;

/// <summary>The envelope of the hub protocol, in whichever order its fields come.</summary>
public sealed class HubMessageTests
{
    [Theory]
    [InlineData("""{"type":1,"invocationId":"7","target":"Send","arguments":[{"a":1}]}""")]
    [InlineData("""{"arguments":[{"a":1}],"target":"Send","invocationId":"7","type":1}""")]
    [InlineData(""" { "headers" : {"x":[1,{}]}, "arguments" : [ {"a":1} ] , "streamIds":[], "type" : 1 , "target" : "Send" , "invocationId" : "7" } """)]
    public void A_call_is_read(string json)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(json);

        Assert.True(HubMessage.TryRead(bytes, out HubMessage message));
        Assert.Equal(HubMessageType.Invocation, message.Type);
        Assert.Equal(("\"7\"", "Send", "{\"a\":1}"), (Text(message.InvocationId), Text(message.Target), Text(message.Argument)));

        string Text(Range range) => Encoding.UTF8.GetString(bytes.AsSpan()[range]);
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("[1,2]")]
    [InlineData("[{},{},{}]")]
    public void Not_exactly_one_argument_is_none(string arguments)
    {
        byte[] bytes = Encoding.UTF8.GetBytes($$"""{"type":1,"target":"Send","arguments":{{arguments}}}""");

        Assert.True(HubMessage.TryRead(bytes, out HubMessage message));
        Assert.True(bytes.AsSpan()[message.Argument].IsEmpty);
        Assert.True(bytes.AsSpan()[message.InvocationId].IsEmpty);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("1")]
    [InlineData("null")]
    [InlineData("{\"type\":1")]
    [InlineData("{\"type\":1}{}")]
    [InlineData("{\"type\":\"1\"}")]
    [InlineData("{\"type\":1.5}")]
    [InlineData("{\"type\":99999999999}")]
    [InlineData("{\"type\":1,\"target\":5}")]
    [InlineData("{\"type\":1,\"invocationId\":5}")]
    [InlineData("{\"type\":1,\"arguments\":{}}")]
    [InlineData("{\"type\":1,\"arguments\":[}")]
    public void What_is_no_message_is_refused(string json) => Assert.False(HubMessage.TryRead(Encoding.UTF8.GetBytes(json), out _));

    [Fact]
    public void Random_changes_never_throw()
    {
        Random random = new(5);
        byte[] right = Encoding.UTF8.GetBytes("""{"type":1,"invocationId":"7","target":"Send","arguments":[{"room":"x","text":"\u3042 \"quoted\""}]}""");
        for (int i = 0; i < 50_000; i++)
        {
            byte[] bytes = [.. right];
            for (int changes = random.Next(1, 5); changes > 0; changes--)
            {
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            }

            byte[] some = bytes[..random.Next(bytes.Length + 1)];
            if (HubMessage.TryRead(some, out HubMessage message))
            {
                _ = some[message.Argument].Length + some[message.Target].Length + some[message.InvocationId].Length;
            }
        }
    }
}
