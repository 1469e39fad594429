using System.Text;
using Monstera.Bench;
using Monstera.Bench.Load;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Wire;

namespace Monstera.Tests.Bench;

/// <summary>Frames as the server really makes them, found by their bytes.</summary>
public sealed class EventFrameTests
{
    private static readonly RoomId RoomId = RoomId.Parse(FakeServer.Room, null);
    private static readonly UserId Sender = UserId.Parse("0192aaaa-0000-7000-8000-000000000001", null);
    private static readonly DateTimeOffset At = new(2026, 11, 21, 10, 2, 3, TimeSpan.Zero);

    [Fact]
    public void Seqs_and_messages_are_found_and_others_are_told_apart()
    {
        using LoadLoop desk = Desk(messages: 3, out Connection[] connections);
        byte[] record = Record([Joined(41), Sent(42, 1), Sent(43, 0), Joined(44), Sent(45, 2)]);
        EventFrame frame = connections[0].Room.Read(record, desk)!;

        Assert.Equal((41, 45, 5), (frame.From, frame.To, frame.Count));
        Assert.Equal([-1, 1, 0, -1, 2], frame.Messages[..5]);
        Assert.Equal((43, 42, 45), (desk.Book[0].EventSeq, desk.Book[1].EventSeq, desk.Book[2].EventSeq));
    }

    [Fact]
    public void The_same_bytes_are_parsed_once_and_other_bytes_again()
    {
        using LoadLoop desk = Desk(messages: 2, out Connection[] connections);
        Room room = connections[0].Room;
        byte[] first = Record([Sent(1, 0)]);
        EventFrame frame = room.Read(first, desk)!;
        Assert.Same(frame, room.Read([.. first], desk));
        Assert.Equal(1, frame.Count);

        // The same place in the log, with one event more.
        Assert.Equal(2, room.Read(Record([Sent(1, 0), Sent(2, 1)]), desk)!.Count);
    }

    [Fact]
    public void Many_events_of_one_frame()
    {
        using LoadLoop desk = Desk(messages: 500, out Connection[] connections);
        EventFrame frame = connections[0].Room.Read(Record([.. Enumerable.Range(0, 500).Select(i => Sent(1_000 + i, i))]), desk)!;
        Assert.Equal(Enumerable.Range(0, 500), frame.Messages[..frame.Count]);
    }

    [Fact]
    public void Any_changed_byte_of_a_text_or_a_client_id_is_seen()
    {
        byte[] record = Record([Sent(1, 0)]);
        string json = Encoding.UTF8.GetString(record);
        int text = json.IndexOf("\"text\":\"", StringComparison.Ordinal) + 8;
        int clientId = json.IndexOf("\"clientId\":\"", StringComparison.Ordinal) + 12;
        foreach (int at in (int[])[.. Enumerable.Range(text, MessageText.Length + 1), .. Enumerable.Range(clientId, 36)])
        {
            byte[] changed = [.. record];
            changed[at] = changed[at] == (byte)'7' ? (byte)'8' : (byte)'7';
            using LoadLoop desk = Desk(messages: 1, out Connection[] connections);
            Assert.Throws<BenchFailedException>(() => connections[0].Room.Read(changed, desk));
        }
    }

    [Fact]
    public void A_message_of_another_room_is_seen()
    {
        Connection here = new(0, new Room("here", FakeServer.Room), "");
        Connection there = new(1, new Room("there", "5eed5eed-0000-7000-8000-00000000000b"), "");
        using LoadLoop desk = new(new MonsteraDialect(), port: 1, [here, there], new MessageBook());
        desk.Book.Add(sender: 1, 1, 1, sentAt: 0);
        Assert.Equal(
            "message 0 came into room here, and was sent into another",
            Assert.Throws<BenchFailedException>(() => here.Room.Read(Record([Sent(1, 0)]), desk)).Message);
    }

    [Fact]
    public void A_message_that_was_never_sent_is_seen()
    {
        using LoadLoop desk = Desk(messages: 1, out Connection[] connections);
        Assert.Equal(
            "a message with the number 1, which was never sent", Assert.Throws<BenchFailedException>(() => connections[0].Room.Read(Record([Sent(1, 1)]), desk)).Message);
    }

    [Fact]
    public void The_server_s_gap_is_a_gap()
    {
        using LoadLoop desk = Desk(messages: 0, out Connection[] connections);
        connections[0].State = ConnectionState.Live;
        connections[0].Last = 5;
        new MonsteraDialect().Read(connections[0], Unframed(HubFrames.Gap(RoomId, 1, 9)), 0, desk);
        Assert.Equal((1, ConnectionState.Subscribing), (connections[0].Gaps, connections[0].State));
        Assert.Contains("\"epoch\":0,\"seq\":5}", Encoding.UTF8.GetString(desk.Writer.Written), StringComparison.Ordinal);
    }

    [Fact]
    public void Client_ids_are_of_version_7_and_rise()
    {
        Guid[] ids = [.. Enumerable.Range(0, 5_000).Select(i => MessageText.Of(i).ClientId)];
        Assert.All(ids, id => Assert.Equal((7, 8), (id.Version, id.Variant & 0xC)));
        Assert.Equal(ids.OrderBy(id => id.ToString(), StringComparer.Ordinal), ids);
        Assert.Equal(ids.Length, ids.Distinct().Count());
    }

    [Fact]
    public void The_text_is_what_is_written_and_has_100_bytes()
    {
        FrameWriter writer = new();
        MessageText.Write(writer, 0xBEEF);
        (Guid clientId, string text) = MessageText.Of(0xBEEF);
        Assert.Equal(text, Encoding.UTF8.GetString(writer.Written));
        Assert.Equal(100, writer.Length);
        writer.Clear();
        MessageText.WriteClientId(writer, 0xBEEF);
        Assert.Equal(clientId.ToString(), Encoding.UTF8.GetString(writer.Written));
        Assert.Equal(0xBEEF, MessageText.NumberOfClientId(writer.Written));
    }

    private static LoadLoop Desk(int messages, out Connection[] connections)
    {
        connections = FakeRun.Connect();
        LoadLoop desk = new(new MonsteraDialect(), port: 1, connections, new MessageBook());
        for (int i = 0; i < messages; i++)
        {
            desk.Book.Add(sender: 0, i + 1, connections.Length, sentAt: 0);
        }

        return desk;
    }

    private static RoomEvent Sent(long seq, int number)
    {
        (Guid clientId, string text) = MessageText.Of(number);
        return Event(seq, EventType.MessageCreated) with { ClientId = new ClientId(clientId), Text = text };
    }

    private static RoomEvent Joined(long seq) => Event(seq, EventType.MemberJoined) with { User = Sender, Role = RoomRole.Member };

    private static RoomEvent Event(long seq, EventType type) => new() { Room = RoomId, Seq = seq, Type = type, Sender = Sender, At = At };

    private static byte[] Record(RoomEvent[] events) => Unframed(HubFrames.Events(RoomId, 1, [.. events.Select(e => (ReadOnlyMemory<byte>)EventJson.ToBytes(e))]));

    /// <summary>Without the separator at its end.</summary>
    private static byte[] Unframed(ReadOnlyMemory<byte> frame)
    {
        Assert.Equal(Records.Separator, frame.Span[^1]);
        return frame[..^1].ToArray();
    }
}
