using System.Text;

namespace Monstera.Tests.Fuzz;

/// <summary>Frames that a program in its right mind would not send, by a seed.</summary>
internal sealed class Garbage(Random random, Guid room)
{
    private static readonly string[] Methods =
        ["Hello", "Resume", "Send", "Edit", "Delete", "React", "Pin", "MarkRead", "Typing", "Open", "Close", "Refresh", "Rooms"];

    private static readonly string[] OddMethods =
        ["Refuse", "OnConnectedAsync", "Dispose", "send", "", "Send ", "ToString", "a\\u0000b", "..", "Sénd", new('x', 10_000)];

    private static readonly string[] Fields =
        ["room", "clientId", "text", "replyTo", "seq", "epoch", "emoji", "on", "rooms", "protocol", "client", "token", "Room", "", "__proto__", "$type", new('n', 10_000)];

    /// <summary>A call whose envelope is right and whose content is anything.</summary>
    public string Call(string id)
    {
        string target = random.Next(6) == 0 ? Pick(OddMethods) : Pick(Methods);
        string arguments = random.Next(12) switch
        {
            0 => "[]",
            1 => $"[{Argument()},{Argument()}]",
            2 => $"[{Value(0)}]",
            3 => "[null]",
            _ => $"[{Argument()}]",
        };
        string extra = random.Next(10) switch
        {
            0 => ""","streamIds":["1"]""",
            1 => ""","headers":{"a":"b"}""",
            2 => $",\"unknown\":{Value(0)}",
            _ => "",
        };
        int type = random.Next(20) == 0 ? 4 : 1;
        return random.Next(3) == 0
            ? $$"""{"arguments":{{arguments}},"target":"{{target}}"{{extra}},"invocationId":"{{id}}","type":{{type}}}"""
            : $$"""{"type":{{type}},"invocationId":"{{id}}","target":"{{target}}","arguments":{{arguments}}{{extra}}}""";
    }

    /// <summary>Anything at all.</summary>
    public byte[] Bytes()
    {
        switch (random.Next(10))
        {
            case 0:
                byte[] noise = new byte[random.Next(1, 2_000)];
                random.NextBytes(noise);
                return noise;
            case 1:
                return Text(new string('[', random.Next(1, 5_000)) + "\u001e");
            case 2:
                return Text($"{{\"type\":{Value(0)},\"target\":{Value(0)},\"arguments\":{Value(1)}}}\u001e");
            case 3:
                return Text($$"""{"type":{{random.Next(-3, 12)}},"item":{{Value(0)}},"invocationId":"x","result":1}""" + "\u001e");
            case 4:
                return Text(new string('\u001e', random.Next(1, 50)));
            case 5:
                return Text("""{"type":6}""" + "\u001e");
            case 6:
                return Text(new string(' ', random.Next(60_000, 70_000)) + "\u001e");
            default:
                return Mutated();
        }
    }

    /// <summary>A frame that was right, with some bytes changed, lost or doubled; without an id, so that no answer is owed.</summary>
    private byte[] Mutated()
    {
        List<byte> bytes = [.. Text($$"""{"type":1,"target":"{{Pick(Methods)}}","arguments":[{{Argument()}}]}""" + "\u001e")];
        for (int i = random.Next(1, 6); i > 0 && bytes.Count > 1; i--)
        {
            int at = random.Next(bytes.Count);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes.RemoveAt(at);
                    break;
                case 2:
                    bytes.Insert(at, bytes[random.Next(bytes.Count)]);
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private string Argument()
    {
        StringBuilder json = new("{");
        int fields = random.Next(0, 7);
        for (int i = 0; i < fields; i++)
        {
            json.Append(i == 0 ? "" : ",").Append('"').Append(Pick(Fields)).Append("\":").Append(random.Next(3) == 0 ? Right() : Value(0));
        }

        return json.Append('}').ToString();
    }

    /// <summary>A value that would be right somewhere.</summary>
    private string Right() => random.Next(6) switch
    {
        0 => $"\"{room}\"",
        1 => $"\"{Guid.NewGuid()}\"",
        2 => $"{random.Next(1, 50)}",
        3 => "true",
        4 => "\"👍\"",
        _ => $$"""[{"room":"{{room}}","seq":{{random.Next(0, 100)}}}]""",
    };

    private string Value(int depth) => random.Next(depth > 4 ? 12 : 15) switch
    {
        0 => "null",
        1 => "true",
        2 => $"{random.NextInt64(long.MinValue, long.MaxValue)}",
        3 => "9223372036854775807",
        4 => "-1",
        5 => "1e400",
        6 => new string('9', random.Next(20, 400)),
        7 => "0.5",
        8 => "\"\\ud83d\"",
        9 => $"\"{new string('x', random.Next(0, 12_000))}\"",
        10 => "\"\\u0000\\u0007\"",
        11 => "\"00000000-0000-0000-0000-000000000000\"",
        12 => $"[{Value(depth + 1)},{Value(depth + 1)}]",
        13 => $"{{\"{Pick(Fields)}\":{Value(depth + 1)}}}",
        _ => string.Concat(Enumerable.Repeat("[", 20)) + string.Concat(Enumerable.Repeat("]", 20)),
    };

    private static byte[] Text(string text) => Encoding.UTF8.GetBytes(text);

    private string Pick(string[] of) => of[random.Next(of.Length)];
}
