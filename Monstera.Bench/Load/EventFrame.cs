namespace Monstera.Bench.Load;

/// <summary>Consecutive events of one room, as Monstera sent them.</summary>
internal sealed class EventFrame
{
    private byte[] _bytes = [];
    private int _length;

    public static ReadOnlySpan<byte> SeqName => "\"seq\":"u8;

    private static ReadOnlySpan<byte> RoomName => "\"room\":\""u8;

    private static ReadOnlySpan<byte> ClientIdName => "\"clientId\":\""u8;

    private static ReadOnlySpan<byte> TextName => "\"text\":\""u8;

    public long From { get; private set; }

    public int Count { get; private set; }

    public long To => From + Count - 1;

    /// <summary>The message of each event; -1 for one that is not of this run, such as somebody's joining.</summary>
    public int[] Messages { get; private set; } = new int[16];

    public bool Is(long from, ReadOnlySpan<byte> record) => From == from && record.SequenceEqual(_bytes.AsSpan(0, _length));

    /// <summary>Reads the events: they are of this room, their seqs follow one another, and each message has the place in the log that everybody else sees.</summary>
    public void Parse(ReadOnlySpan<byte> record, Room room, IDesk desk)
    {
        BenchFailedException.ThrowIf(
            !Records.After(record, RoomName).StartsWith(room.Id), $"a member of room {room.Key} was given events of another: {Records.Show(record)}");
        Keep(record);
        From = 0;
        Count = 0;
        ReadOnlySpan<byte> rest = Records.After(record, SeqName);
        while (!rest.IsEmpty)
        {
            long seq = Records.Number(rest);
            if (Count == 0)
            {
                From = seq;
            }

            BenchFailedException.ThrowIf(seq != From + Count, $"event {seq} where {From + Count} was to come: {Records.Show(record)}");
            int next = rest.IndexOf(SeqName);
            Add(MessageOf(next < 0 ? rest : rest[..next], seq, room, desk));
            rest = next < 0 ? default : rest[(next + SeqName.Length)..];
        }
    }

    private static int MessageOf(ReadOnlySpan<byte> json, long seq, Room room, IDesk desk)
    {
        ReadOnlySpan<byte> clientId = Records.After(json, ClientIdName);
        ReadOnlySpan<byte> text = Records.After(json, TextName);
        if (clientId.IsEmpty || text.IsEmpty)
        {
            return -1;
        }

        int number = MessageText.NumberOfClientId(clientId);
        BenchFailedException.ThrowIf(!MessageText.Is(text, number), $"event {seq} does not carry the text that was sent: {Records.Show(json)}");
        desk.Book.Place(number, seq);
        BenchFailedException.ThrowIf(desk.RoomOf(desk.Book[number].Sender) != room, $"message {number} came into room {room.Key}, and was sent into another");
        return number;
    }

    private void Add(int message)
    {
        if (Count == Messages.Length)
        {
            int[] more = new int[Count * 2];
            Messages.CopyTo(more, 0);
            Messages = more;
        }

        Messages[Count++] = message;
    }

    private void Keep(ReadOnlySpan<byte> record)
    {
        if (_bytes.Length < record.Length)
        {
            _bytes = new byte[Math.Max(record.Length, _bytes.Length * 2)];
        }

        record.CopyTo(_bytes);
        _length = record.Length;
    }
}
