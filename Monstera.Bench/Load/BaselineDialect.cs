namespace Monstera.Bench.Load;

/// <summary>The plain hub: nothing is numbered or acknowledged, so what can be checked is that everything comes, once, and in the order of its sender.</summary>
internal sealed class BaselineDialect : IDialect
{
    public bool CanResume => false;

    public string UpgradePath(Connection connection) => "/hub";

    private static ReadOnlySpan<byte> MessageStart => "{\"type\":1,\"target\":\"Message\",\"arguments\":[\""u8;

    private static ReadOnlySpan<byte> LastAnswerStart => "{\"type\":3,\"invocationId\":\"e\""u8;

    public void Greet(Connection connection, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append(Records.Handshake);
        writer.EndRecord();
        WriteJoin(connection, "{\"type\":1,\"invocationId\":\"j\",\"target\":\"Join\",\"arguments\":[\""u8, writer);
    }

    /// <summary>Joins once more, which changes nothing.</summary>
    public void AskLast(Connection connection, FrameWriter writer) =>
        WriteJoin(connection, "{\"type\":1,\"invocationId\":\"e\",\"target\":\"Join\",\"arguments\":[\""u8, writer);

    public void WriteMessage(Connection connection, int number, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append("{\"type\":1,\"target\":\"Send\",\"arguments\":[\""u8);
        writer.Append(connection.Room.Id);
        writer.Append("\",\""u8);
        MessageText.Write(writer, number);
        writer.Append("\"]}"u8);
        writer.EndRecord();
    }

    public void Read(Connection connection, ReadOnlySpan<byte> record, long now, IDesk desk)
    {
        switch (record.Length > Records.KindAt ? record[Records.KindAt] : 0)
        {
            case (byte)'1' when record.StartsWith(MessageStart):
                ReadMessage(connection, record[MessageStart.Length..], now, desk);
                break;

            case (byte)'3' when record.StartsWith(LastAnswerStart) && record.IndexOf("\"error\":"u8) < 0:
                desk.AnswerLast();
                break;

            case (byte)'3' when record.IndexOf("\"error\":"u8) < 0:
                desk.GoLive(connection, now);
                break;

            case (byte)'6':
            case 0:
                break;

            default:
                throw new BenchFailedException($"connection {connection.Index} of the baseline was told {Records.Show(record)}");
        }
    }

    public bool IsComplete(MessageBook book) => book.CompleteCount == book.Count;

    public void CheckEnd(MessageBook book, IReadOnlyList<Connection> connections)
    {
        // All was said while reading: complete means once at every member.
    }

    private static void WriteJoin(Connection connection, ReadOnlySpan<byte> start, FrameWriter writer)
    {
        writer.BeginFrame();
        writer.Append(start);
        writer.Append(connection.Room.Id);
        writer.Append("\"]}"u8);
        writer.EndRecord();
    }

    private static void ReadMessage(Connection connection, ReadOnlySpan<byte> text, long now, IDesk desk)
    {
        int number = MessageText.NumberOf(text);
        BenchFailedException.ThrowIf(
            (uint)number >= (uint)desk.Book.Count || !MessageText.Is(text, number), $"a message that was never sent: {Records.Show(text)}");
        ref Message message = ref desk.Book[number];
        int seat = desk.SeatOf(message.Sender);
        int[] lastOfSender = connection.LastOfSender ??= new int[seat + 1];
        if (lastOfSender.Length <= seat)
        {
            Array.Resize(ref lastOfSender, seat + 1);
            connection.LastOfSender = lastOfSender;
        }

        BenchFailedException.ThrowIf(
            message.Ordinal != lastOfSender[seat] + 1, $"message {message.Ordinal} of a sender came after its message {lastOfSender[seat]} to connection {connection.Index}");
        lastOfSender[seat] = message.Ordinal;
        desk.Deliver(connection, number, now);
    }
}
