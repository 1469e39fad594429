namespace Monstera.Bench.Load;

/// <summary>One message of the run, from the moment it was sent to the moment everybody has it.</summary>
internal struct Message
{
    /// <summary>When it was sent, or when it should have been in a paced run: a timestamp of <see cref="System.Diagnostics.Stopwatch"/>.</summary>
    public long SentAt;

    /// <summary>The seq that its acknowledgement named; 0 before.</summary>
    public long AckSeq;

    /// <summary>The seq that its event carried; 0 before.</summary>
    public long EventSeq;

    /// <summary>Index of the connection that sent it.</summary>
    public int Sender;

    /// <summary>The how-manieth of its sender it is, from 1.</summary>
    public int Ordinal;

    /// <summary>How many members have it.</summary>
    public int Seen;

    /// <summary>How many members there are.</summary>
    public int Members;
}

/// <summary>All messages of a run by their number, which travels in the message. What was sent, acknowledged and seen by whom is counted here.</summary>
internal sealed class MessageBook
{
    private Message[] _messages = new Message[65_536];

    public int Count { get; private set; }

    /// <summary>Messages that every member has.</summary>
    public int CompleteCount { get; private set; }

    /// <summary>Messages that were acknowledged.</summary>
    public int AckCount { get; private set; }

    public ref Message this[int number] => ref _messages[number];

    /// <returns>The number of the new message.</returns>
    public int Add(int sender, int ordinal, int members, long sentAt)
    {
        if (Count == _messages.Length)
        {
            Array.Resize(ref _messages, Count * 2);
        }

        _messages[Count] = new Message { Sender = sender, Ordinal = ordinal, Members = members, SentAt = sentAt };
        return Count++;
    }

    public void Acknowledge(int number, long seq)
    {
        ref Message message = ref At(number);
        BenchFailedException.ThrowIf(message.AckSeq != 0, $"message {number} was acknowledged twice: as {message.AckSeq} and as {seq}");
        message.AckSeq = seq;
        AckCount++;
    }

    /// <summary>The message as an event of the log. Every member must see it under the same seq.</summary>
    public void Place(int number, long seq)
    {
        ref Message message = ref At(number);
        BenchFailedException.ThrowIf(message.EventSeq != 0 && message.EventSeq != seq, $"message {number} is in the log twice: as {message.EventSeq} and as {seq}");
        message.EventSeq = seq;
    }

    /// <summary>A member has the message.</summary>
    /// <returns>Whether it was the last one to get it.</returns>
    public bool See(int number)
    {
        ref Message message = ref _messages[number];
        if (++message.Seen < message.Members)
        {
            return false;
        }

        BenchFailedException.ThrowIf(message.Seen > message.Members, $"message {number} was delivered {message.Seen} times to {message.Members} members");
        CompleteCount++;
        return true;
    }

    private ref Message At(int number)
    {
        BenchFailedException.ThrowIf((uint)number >= (uint)Count, $"a message with the number {number}, which was never sent");
        return ref _messages[number];
    }
}
