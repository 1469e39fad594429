using System.Text;
using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Tests.Wire;

/// <summary>Events on the wire are as docs/protocol.md section 8 has them, to the byte.</summary>
public sealed class EventJsonTests
{
    private static readonly UserId Sender = UserId.Parse("0192aaaa-0000-7000-8000-000000000001", null);
    private static readonly UserId User = UserId.Parse("0192aaaa-0000-7000-8000-000000000002", null);
    private static readonly ClientId Client = ClientId.Parse("5b0e0000-0000-4000-8000-000000000003", null);
    private static readonly DateTimeOffset At = new DateTimeOffset(2026, 11, 21, 10, 2, 3, TimeSpan.Zero).AddMilliseconds(7);

    public static TheoryData<RoomEvent, string> Events => new()
    {
        { Event(EventType.MessageCreated) with { ClientId = Client, Text = "おはよう", ReplyTo = 2 }, "\"type\":\"message.created\",{0},\"clientId\":\"5b0e0000-0000-4000-8000-000000000003\",\"text\":\"おはよう\",\"replyTo\":2" },
        { Event(EventType.MessageCreated) with { Deleted = true }, "\"type\":\"message.created\",{0},\"deleted\":true" },
        { Event(EventType.MessageEdited) with { Target = 1, Text = "x" }, "\"type\":\"message.edited\",{0},\"target\":1,\"text\":\"x\"" },
        { Event(EventType.MessageDeleted) with { Target = 1 }, "\"type\":\"message.deleted\",{0},\"target\":1" },
        { Event(EventType.ReactionAdded) with { Target = 1, Emoji = "👍🏽" }, "\"type\":\"reaction.added\",{0},\"target\":1,\"emoji\":\"👍🏽\"" },
        { Event(EventType.ReactionRemoved) with { Target = 1, Emoji = "x" }, "\"type\":\"reaction.removed\",{0},\"target\":1,\"emoji\":\"x\"" },
        { Event(EventType.MessagePinned) with { Target = 1 }, "\"type\":\"message.pinned\",{0},\"target\":1" },
        { Event(EventType.MessageUnpinned) with { Target = 1 }, "\"type\":\"message.unpinned\",{0},\"target\":1" },
        { Event(EventType.MemberJoined) with { User = User, Role = RoomRole.Moderator }, "\"type\":\"member.joined\",{0},\"user\":\"0192aaaa-0000-7000-8000-000000000002\",\"role\":\"moderator\"" },
        { Event(EventType.MemberLeft) with { User = User }, "\"type\":\"member.left\",{0},\"user\":\"0192aaaa-0000-7000-8000-000000000002\"" },
        { Event(EventType.MemberUpdated) with { User = User, Role = RoomRole.Owner }, "\"type\":\"member.updated\",{0},\"user\":\"0192aaaa-0000-7000-8000-000000000002\",\"role\":\"owner\"" },
        { Event(EventType.RoomCreated) with { Kind = RoomKind.Public, Name = "n", Topic = "t" }, "\"type\":\"room.created\",{0},\"kind\":\"public\",\"name\":\"n\",\"topic\":\"t\"" },
        { Event(EventType.RoomUpdated) with { Topic = "" }, "\"type\":\"room.updated\",{0},\"topic\":\"\"" },
    };

    [Theory]
    [MemberData(nameof(Events))]
    public void Each_kind_has_its_fields_and_no_others(RoomEvent e, string fields)
    {
        string expected = "{\"seq\":3," + fields.Replace(
            "{0}", "\"sender\":\"0192aaaa-0000-7000-8000-000000000001\",\"at\":\"2026-11-21T10:02:03.007Z\"", StringComparison.Ordinal) + "}";

        Assert.Equal(Canonical(expected), Canonical(Encoding.UTF8.GetString(EventJson.ToBytes(e))));
    }

    [Fact]
    public void Every_kind_has_a_name_of_its_own() =>
        Assert.Equal(Enum.GetValues<EventType>().Length, Enum.GetValues<EventType>().Select(type => Encoding.UTF8.GetString(EventJson.NameOf(type))).Distinct().Count());

    [Fact]
    public void Any_text_that_is_allowed_comes_back_as_it_was()
    {
        Random random = new(7);
        for (int i = 0; i < 500; i++)
        {
            string text = Text(random);
            RoomEvent e = Event(EventType.MessageCreated) with { Text = text };
            using JsonDocument json = JsonDocument.Parse(EventJson.ToBytes(e));
            Assert.Equal(text, json.RootElement.GetProperty("text").GetString());
        }
    }

    [Fact]
    public void A_frame_is_one_message_whose_events_are_untouched()
    {
        byte[][] events = [.. Enumerable.Range(1, 20).Select(i => EventJson.ToBytes(Event(EventType.MessageCreated) with { Seq = i, Text = Text(new Random(i)) }))];
        RoomId room = new(Guid.NewGuid());
        ReadOnlyMemory<byte> frame = HubFrames.Events(room, 7, [.. events.Select(bytes => (ReadOnlyMemory<byte>)bytes)]);

        Assert.Equal(0x1e, frame.Span[^1]);
        Assert.Equal(frame.Length - 1, frame.Span.IndexOf((byte)0x1e));
        using JsonDocument json = JsonDocument.Parse(frame[..^1]);
        JsonElement argument = json.RootElement.GetProperty("arguments")[0];
        Assert.Equal((1, "Events", 1), (json.RootElement.GetProperty("type").GetInt32(), json.RootElement.GetProperty("target").GetString(), json.RootElement.GetProperty("arguments").GetArrayLength()));
        Assert.Equal((room.Value, 7L), (argument.GetProperty("room").GetGuid(), argument.GetProperty("epoch").GetInt64()));
        Assert.Equal(events.Select(Encoding.UTF8.GetString), argument.GetProperty("events").EnumerateArray().Select(e => e.GetRawText()));
    }

    private static RoomEvent Event(EventType type) => new() { Room = new RoomId(Guid.Empty), Seq = 3, Type = type, Sender = Sender, At = At };

    private static string Text(Random random)
    {
        StringBuilder text = new();
        for (int i = random.Next(1, 200); i > 0; i--)
        {
            Rune rune;
            do
            {
                rune = random.Next(3) == 0 ? new Rune(random.Next(0x20, 0x7f)) : new Rune(random.Next(0x10, 0xd7ff));
                rune = random.Next(8) == 0 ? new Rune(random.Next(0x1f300, 0x1faff)) : rune;
            }
            while (Rune.IsControl(rune) && rune.Value is not ('\n' or '\t'));

            text.Append(rune.ToString());
        }

        return text.ToString();
    }

    private static string Canonical(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return string.Join(',', document.RootElement.EnumerateObject().OrderBy(field => field.Name, StringComparer.Ordinal).Select(field => $"{field.Name}={field.Value}"));
    }
}
