namespace Monstera.Bench.Load;

/// <summary>
/// docs/protocol.md as a client that trusts nothing: every event is the one after the connection's last, every acknowledgement names the seq that the event has, and who is told
/// of a gap resumes from the own cursor.
/// </summary>
internal sealed class MonsteraDialect : IDialect
{
    private const byte HelloId = (byte)'h';
    private const byte ResumeId = (byte)'r';
    private const byte LastId = (byte)'e';

    private static ReadOnlySpan<byte> AnswerStart => "{\"type\":3,\"invocationId\":\""u8;

    public bool CanResume => true;

    public string UpgradePath(Connection connection) => $"/hub?access_token={connection.Token}";

    public void Greet(Connection connection, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append(Records.Handshake);
        writer.EndRecord();
        writer.BeginFrame();
        writer.Append("{\"type\":1,\"invocationId\":\"h\",\"target\":\"Hello\",\"arguments\":[{\"protocol\":1,\"client\":\"bench/1\"}]}"u8);
        writer.EndRecord();

        // Right behind it: the server does one after the other.
        WriteResume(connection, ResumeId, writer);
    }

    public void WriteMessage(Connection connection, int number, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append("{\"type\":1,\"invocationId\":\""u8);
        writer.Append(number);
        writer.Append("\",\"target\":\"Send\",\"arguments\":[{\"room\":\""u8);
        writer.Append(connection.Room.Id);
        writer.Append("\",\"clientId\":\""u8);
        MessageText.WriteClientId(writer, number);
        writer.Append("\",\"text\":\""u8);
        MessageText.Write(writer, number);
        writer.Append("\"}]}"u8);
        writer.EndRecord();
    }

    /// <summary>Resumes from where it is, which is the end of the log if it has everything.</summary>
    public void AskLast(Connection connection, FrameWriter writer) => WriteResume(connection, LastId, writer);

    public void Read(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk)
    {
        switch (record.Length > Records.KindAt ? record[Records.KindAt] : 0)
        {
            case (byte)'1' when record.StartsWith("{\"type\":1,\"target\":\"Events\""u8):
                if (connection.State == ConnectionState.Live)
                {
                    ReadEvents(connection, record, now, desk, isHeld: false);
                }
                else
                {
                    connection.Held.Add(record.ToArray());
                }

                break;

            case (byte)'1' when record.StartsWith("{\"type\":1,\"target\":\"Signals\""u8):
            case (byte)'6':
            case 0:
                // Hints, pings and the answer to the handshake, `{}`.
                break;

            case (byte)'3':
                ReadAnswer(connection, record, now, desk);
                break;

            default:
                throw new BenchFailedException($"connection {connection.Index} was told {Records.Show(record)}");
        }
    }

    public bool IsComplete(MessageBook book) => book.CompleteCount == book.Count && book.AckCount == book.Count;

    public void CheckEnd(MessageBook book, IReadOnlyList<Connection> connections)
    {
        Dictionary<(Room Room, long Seq), int> places = [];
        long[] lastSeqOf = new long[connections.Count];
        for (int number = 0; number < book.Count; number++)
        {
            ref Message message = ref book[number];
            Room room = connections[message.Sender].Room;
            BenchFailedException.ThrowIf(
                message.AckSeq == 0 || message.AckSeq != message.EventSeq, $"message {number} was acknowledged as {message.AckSeq}, and its event is {message.EventSeq}");
            BenchFailedException.ThrowIf(!places.TryAdd((room, message.EventSeq), number), $"two messages of room {room.Key} are event {message.EventSeq}");

            // Numbers rise in the order of sending.
            BenchFailedException.ThrowIf(message.EventSeq <= lastSeqOf[message.Sender], $"message {number} overtook an earlier one of its sender");
            lastSeqOf[message.Sender] = message.EventSeq;
        }

        Dictionary<Room, long> heads = [];
        foreach (Connection connection in connections)
        {
            heads.TryAdd(connection.Room, connection.Last);
            BenchFailedException.ThrowIf(
                connection.Last != heads[connection.Room], $"members of room {connection.Room.Key} end at {connection.Last} and {heads[connection.Room]}");
        }
    }

    private static void ReadEvents(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk, bool isHeld)
    {
        if (connection.Room.Read(record, desk) is not { } frame)
        {
            BenchFailedException.ThrowIf(record.IndexOf("\"gap\":true"u8) < 0, $"Events without events: {Records.Show(record)}");
            connection.Gaps++;
            connection.State = ConnectionState.Subscribing;
            WriteResume(connection, ResumeId, desk.Writer);
            return;
        }

        Apply(connection, frame, now, desk, isHeld);
    }

    private static void Apply(Connection connection, EventFrame frame, long now, IDesk desk, bool isHeld)
    {
        long known = connection.Last + 1 - frame.From;

        // Only what overtook an answer may hold events that the answer brought too.
        BenchFailedException.ThrowIf(
            known < 0 || (known > 0 && !isHeld), $"connection {connection.Index} is at {connection.Last} and was given {frame.From} to {frame.To}");
        for (int i = (int)known; i < frame.Count; i++)
        {
            if (frame.Messages[i] >= 0)
            {
                desk.Deliver(connection, frame.Messages[i], now);
            }
        }

        connection.Last = Math.Max(connection.Last, frame.To);
    }

    private static void ReadAnswer(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk)
    {
        ReadOnlySpan<byte> answer = record[AnswerStart.Length..];
        BenchFailedException.ThrowIf(!record.StartsWith(AnswerStart) || record.IndexOf("\"error\":"u8) >= 0, $"connection {connection.Index} was refused: {Records.Show(record)}");
        switch (answer[0])
        {
            case HelloId:
                break;

            case ResumeId:
                ReadResumed(connection, record, now, desk);
                break;

            case LastId:
                ReadLast(connection, record, desk);
                break;

            default:
                desk.Book.Acknowledge((int)Records.Number(answer), Records.Number(Records.After(answer, EventFrame.SeqName)));
                break;
        }
    }

    private static void WriteResume(Connection connection, byte id, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append("{\"type\":1,\"invocationId\":\""u8);
        writer.Append([id]);
        writer.Append("\",\"target\":\"Resume\",\"arguments\":[{\"rooms\":[{\"room\":\""u8);
        writer.Append(connection.Room.Id);
        writer.Append("\""u8);
        if (connection.Last >= 0)
        {
            writer.Append(",\"epoch\":"u8);
            writer.Append(connection.Epoch);
            writer.Append(",\"seq\":"u8);
            writer.Append(connection.Last);
        }

        writer.Append("}]}]}"u8);
        writer.EndRecord();
    }

    private static void ReadLast(Connection connection, ReadOnlySpan<byte> record, IDesk desk)
    {
        BenchFailedException.ThrowIf(
            record.IndexOf("\"status\":\"complete\""u8) < 0 || Records.Number(Records.After(record, "\"head\":"u8)) != connection.Last,
            $"connection {connection.Index} has everything that was sent and is at {connection.Last}, and the server has more: {Records.Show(record)}");
        desk.AnswerLast();
    }

    private static void ReadResumed(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk)
    {
        bool isComplete = record.IndexOf("\"status\":\"complete\""u8) >= 0;
        BenchFailedException.ThrowIf(
            !isComplete && record.IndexOf("\"status\":\"more\""u8) < 0, $"connection {connection.Index} could not resume from {connection.Last}: {Records.Show(record)}");
        long next = Records.Number(Records.After(record, "\"next\":"u8));
        if (connection.Last < 0)
        {
            connection.Last = next;
            connection.Epoch = Records.Number(Records.After(record, "\"epoch\":"u8));
        }
        else if (connection.Room.Read(record, desk) is { } frame)
        {
            Apply(connection, frame, now, desk, isHeld: false);
        }

        BenchFailedException.ThrowIf(connection.Last != next, $"connection {connection.Index} is at {connection.Last} after resuming, which should have led to {next}");
        if (!isComplete)
        {
            WriteResume(connection, ResumeId, desk.Writer);
            return;
        }

        desk.GoLive(connection, now);
        byte[][] held = [.. connection.Held];
        connection.Held.Clear();
        foreach (byte[] one in held)
        {
            if (connection.State == ConnectionState.Live)
            {
                ReadEvents(connection, one, now, desk, isHeld: true);
            }
            else
            {
                connection.Held.Add(one);
            }
        }
    }
}
