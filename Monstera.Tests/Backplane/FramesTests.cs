using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Backplane;
using Monstera.Server.Nodes;
using Monstera.Server.Rooms;

namespace Monstera.Tests.Backplane;

/// <summary>The bytes of frames: those of version 1 for ever, and whatever later versions may send.</summary>
public sealed class FramesTests
{
    private static readonly Guid Sender = new("00000000-0000-0000-0000-0000000000aa");
    private static readonly TenantId Tenant = new(new Guid("11111111-1111-1111-1111-111111111111"));
    private static readonly RoomId Room = new(new Guid("22222222-2222-2222-2222-222222222222"));
    private static readonly UserId User = new(new Guid("33333333-3333-3333-3333-333333333333"));

    private const string Header = "01 000000000000000000000000000000aa 0000018bcfe5687b ";

    private const string FrozenEvents = Header + """
        01 9d01 11111111111111111111111111111111 22222222222222222222222222222222 07
          5d 8108 14 33333333333333333333333333333333 fbd095ffbc31
             01 10 44444444444444444444444444444444  02 01 04  03 10 55555555555555555555555555555555  04 01 02
             05 03 e38182  06 01 02  07 04 f09f918d  08 01 03  09 01 6e  0a 01 74  0b 01 01
          1d 8208 16 33333333333333333333333333333333 fbd095ffbc31 02 02 8108
        """;

    private const string FrozenSignals = Header + """
        02 37 01 01 10 11111111111111111111111111111111 03 10 33333333333333333333333333333333 02 10 22222222222222222222222222222222
        02 45 02 01 10 11111111111111111111111111111111 03 10 33333333333333333333333333333333 02 10 22222222222222222222222222222222 04 08 ffffffffffffff0f 05 02 8101
        02 25 03 01 10 11111111111111111111111111111111 03 10 33333333333333333333333333333333
        02 13 04 06 10 66666666666666666666666666666666
        02 25 05 01 10 11111111111111111111111111111111 03 10 33333333333333333333333333333333
        02 13 06 01 10 11111111111111111111111111111111
        """;

    private static readonly RoomEvent First = new()
    {
        Room = Room, Seq = 1_025, Type = EventType.MessageCreated, Sender = User, At = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123),
        ClientId = new ClientId(new Guid("44444444-4444-4444-4444-444444444444")), Target = 4, User = new UserId(new Guid("55555555-5555-5555-5555-555555555555")),
        Role = RoomRole.Moderator, Text = "あ", ReplyTo = 2, Emoji = "👍", Kind = RoomKind.Direct, Name = "n", Topic = "t", Deleted = true,
    };

    private static readonly RoomEvent Second = new()
    {
        Room = Room, Seq = 1_026, Type = EventType.MessageDeleted, Sender = User, At = First.At, Target = 1_025,
    };

    private static readonly NodeSignal[] Signals =
    [
        new TypingSignal(Tenant, Room, User), new ReadSignal(Tenant, User, Room, (1L << 53) - 1, 129), new RoomsSignal(Tenant, User),
        new SessionEndedSignal(new SessionId(new Guid("66666666-6666-6666-6666-666666666666"))), new UserSignal(Tenant, User), new TenantSignal(Tenant),
    ];

    [Fact]
    public void Version_1_is_written_as_it_always_was()
    {
        Assert.Equal(Hex(FrozenEvents), Frames.Of(new CommittedEvents(Tenant, Room, 7, [First, Second])));
        Assert.Equal(Hex(FrozenSignals), Frames.Of(Signals));
    }

    [Fact]
    public void Version_1_is_read_as_it_always_was()
    {
        FrameContent content = BackplaneFrame.Read(Hex(FrozenEvents), Guid.Empty);
        Assert.Equal([First, Second], Assert.Single(content.Events).Events);
        Assert.Equal((Tenant, Room, 7), (content.Events[0].Tenant, content.Events[0].Room, content.Events[0].Epoch));
        Assert.Equal((1_700_000_000_123, false, false), (content.SentAtMs, content.HasUnknown, content.LacksEvents));
        content = BackplaneFrame.Read(Hex(FrozenSignals), Guid.Empty);
        Assert.Equal(Signals, content.Signals);
        Assert.False(content.HasUnknown);
        Assert.True(BackplaneFrame.Read(Hex(FrozenEvents), Sender).IsOwn);
    }

    [Fact]
    public void What_a_later_version_adds_is_passed_over_and_the_rest_taken()
    {
        // A type of event that is not known, between two that are.
        FrameContent content = BackplaneFrame.Read(
            Hex(Header + "01 70 11111111111111111111111111111111 22222222222222222222222222222222 01"
                + "18 01 14 33333333333333333333333333333333 fbd095ffbc31 18 02 fa 33333333333333333333333333333333 fbd095ffbc31"
                + "1c 03 14 33333333333333333333333333333333 fbd095ffbc31 c8 02 0102"), Guid.Empty);
        Assert.Equal([1, 3], Assert.Single(content.Events).Events.Select(e => e.Seq));
        Assert.True(content.LacksEvents);

        // A record of a kind that is not known, before one that is.
        content = BackplaneFrame.Read(Hex(Header + "63 03 010203 02 13 06 01 10 11111111111111111111111111111111"), Guid.Empty);
        Assert.Equal([new TenantSignal(Tenant)], content.Signals);
        Assert.True(content.LacksEvents);

        // Events that the sender could not send.
        content = BackplaneFrame.Read(Hex(Header + "03 00"), Guid.Empty);
        Assert.Equal((false, true), (content.HasUnknown, content.LacksEvents));

        // A signal that is not known, a field of one that is.
        content = BackplaneFrame.Read(Hex(Header + "02 03 f0 01 00 02 16 06 f7 01 00 01 10 11111111111111111111111111111111"), Guid.Empty);
        Assert.Equal([new TenantSignal(Tenant)], content.Signals);
        Assert.Equal((true, false), (content.HasUnknown, content.LacksEvents));

        // Another version altogether.
        content = BackplaneFrame.Read(Hex("02 000000000000000000000000000000aa 0102030405060708090a"), Guid.Empty);
        Assert.Equal((true, true, false), (content.HasUnknown, content.LacksEvents, content.IsOwn));
        Assert.True(BackplaneFrame.Read(Hex("02 000000000000000000000000000000aa 0102"), Sender).IsOwn);
    }

    [Fact]
    public void Garbled_frames_are_read_without_harm()
    {
        byte[][] whole = [Hex(FrozenEvents), Hex(FrozenSignals)];
        for (int seed = 0; seed < 20_000; seed++)
        {
            Random random = new(seed);
            byte[] frame = [.. whole[seed % 2]];
            for (int i = random.Next(1, 5); i > 0; i--)
            {
                frame[random.Next(frame.Length)] = (byte)random.Next(256);
            }

            BackplaneFrame.Read(frame.AsSpan(0, random.Next(frame.Length + 1)), Guid.Empty);
        }
    }

    private static byte[] Hex(string text) => Convert.FromHexString(string.Concat(text.Where(letter => !char.IsWhiteSpace(letter))));
}

internal static class Frames
{
    private static readonly Guid Sender = new("00000000-0000-0000-0000-0000000000aa");
    private static readonly DateTimeOffset Now = DateTimeOffset.FromUnixTimeMilliseconds(1_700_000_000_123);

    public static byte[] Of(CommittedEvents events)
    {
        FrameWriter writer = new(Sender);
        writer.Begin(Now);
        writer.Add(events, 0);
        return writer.ToFrame();
    }

    public static byte[] Of(params NodeSignal[] signals)
    {
        FrameWriter writer = new(Sender);
        writer.Begin(Now);
        foreach (NodeSignal signal in signals)
        {
            writer.Add(signal);
        }

        return writer.ToFrame();
    }
}
