using System.Globalization;
using System.Text;

namespace Monstera.Tests.Fuzz;

/// <summary>Frames that nobody should send, drawn from a seed.</summary>
internal sealed class HostileFrames(int seed, Guid room)
{
    private static readonly string[] Values =
    [
        "null", "true", "\"\"", "0", "-1", "1.5", "1e400", "9223372036854775808", "9007199254740993", "{}", "[]", "[[[[[[]]]]]]", "{\"a\":{\"a\":{\"a\":{}}}}",
        "\"\\ud800\"", "\"\\udc00\\ud800\"", "\"\\u0000\"", "\"\\u202e\"", "\"<script>\"", "\"../../etc/passwd\"", "\"' OR 1=1 --\"", "\"%00\"",
        "\"00000000-0000-0000-0000-000000000000\"", "\"not a uuid\"", "\"" + new string('x', 10_000) + "\"", "\"" + new string('葵', 10_001) + "\"",
        "{\"room\":1,\"room\":2}", "123456789012345678901234567890",
    ];

    private static readonly (string Method, string[] Fields)[] Methods =
    [
        ("Hello", ["protocol", "client"]), ("Resume", ["rooms"]), ("Send", ["room", "clientId", "text", "replyTo"]), ("Edit", ["room", "seq", "text", "clientId"]),
        ("Delete", ["room", "seq", "clientId"]), ("React", ["room", "seq", "emoji", "on", "clientId"]), ("Pin", ["room", "seq", "on"]), ("MarkRead", ["room", "seq"]),
        ("Typing", ["room"]), ("Open", ["room"]), ("Close", ["room"]), ("Refresh", ["token"]), ("Rooms", []), ("Nothing", ["room"]), ("send\\u0000", []), ("", []),
    ];

    private readonly Random _random = new(seed);

    /// <summary>A frame of the protocol whose content is hostile: it is answered, with this id.</summary>
    public string Call(string invocationId)
    {
        (string method, string[] fields) = Methods[_random.Next(Methods.Length)];
        IEnumerable<string> members = fields.Where(_ => _random.Next(8) > 0).Select(field => $"\"{field}\":{Value(field)}");
        string argument = _random.Next(12) == 0 ? Any() : "{" + string.Join(',', members) + "}";
        string arguments = _random.Next(12) switch { 0 => "[]", 1 => $"[{argument},{argument}]", _ => $"[{argument}]" };
        string type = _random.Next(10) == 0 ? "4" : "1";
        return $$"""{"type":{{type}},"invocationId":"{{invocationId}}","target":"{{method}}","arguments":{{arguments}}}""";
    }

    /// <summary>Bytes that may or may not be a frame: the connection may be closed for them.</summary>
    public byte[] Noise(string invocationId)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(Call(invocationId) + (char)0x1e);
        switch (_random.Next(7))
        {
            case 0:
                for (int i = 0; i < 4; i++)
                {
                    bytes[_random.Next(bytes.Length)] = (byte)_random.Next(256);
                }

                return bytes;
            case 1:
                return [.. bytes.AsSpan(0, _random.Next(bytes.Length)), 0x1e];
            case 2:
                byte[] random = new byte[_random.Next(1, 400)];
                _random.NextBytes(random);
                return random;
            case 3:
                return Encoding.UTF8.GetBytes(new string('{', _random.Next(1, 5_000)) + (char)0x1e);
            case 4:
                return [0x1e, 0x1e, 0x1e];
            case 5:
                return Encoding.UTF8.GetBytes($$"""{"type":{{_random.Next(-3, 99)}},"invocationId":{{Any()}},"item":{{Any()}}}""" + (char)0x1e);
            default:
                return Encoding.UTF8.GetBytes(new string('a', 70_000));
        }
    }

    public int Next(int below) => _random.Next(below);

    private string Any() => Values[_random.Next(Values.Length)];

    private string Value(string field) => _random.Next(3) == 0
        ? Any()
        : field switch
        {
            "room" => $"\"{room}\"",
            "clientId" => $"\"{Guid.NewGuid()}\"",
            "seq" or "replyTo" => _random.Next(-2, 40).ToString(CultureInfo.InvariantCulture),
            "text" => "\"hostile\"",
            "emoji" => "\"👍\"",
            "protocol" => "1",
            "on" => "true",
            "rooms" => $$"""[{"room":"{{room}}","epoch":{{Any()}},"seq":{{Any()}}}]""",
            _ => "\"x\"",
        };
}
