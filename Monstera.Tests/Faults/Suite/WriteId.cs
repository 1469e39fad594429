namespace Monstera.Tests.Faults.Suite;

/// <summary>The nth write of a member into a room. What it is and what it says follows from the three numbers, so that a history keeps nothing of it but the seq that was acknowledged.</summary>
internal readonly record struct WriteId(int Member, int Room, int Ordinal)
{
    private const int Cycle = 16;
    private const int LongTextChars = 2_000;

    /// <summary>It edits the member's message before it; otherwise it is a message of its own.</summary>
    public bool IsEdit => Ordinal % Cycle == Cycle - 1;

    public Guid ClientId =>
        new(Member, (short)Room, 0x7000, 0x80, 0, 0, 0, (byte)(Ordinal >> 24), (byte)(Ordinal >> 16), (byte)(Ordinal >> 8), (byte)Ordinal);

    /// <summary>No two writes say the same; some are long, and all need escaping.</summary>
    public string Text => $"{Member}:{Room}:{Ordinal} \"観葉植物\" 🪴{(Ordinal % Cycle == Cycle / 2 ? new string('~', LongTextChars) : "")}";

    /// <summary>For people; its room is told beside it.</summary>
    public override string ToString() => $"write {Ordinal} of member {Member}";

    /// <returns>Null when the id is not of a write of a member.</returns>
    public static WriteId? Of(Guid clientId)
    {
        Span<byte> bytes = stackalloc byte[16];
        clientId.TryWriteBytes(bytes);
        WriteId write = new(BitConverter.ToInt32(bytes), BitConverter.ToInt16(bytes[4..]), (bytes[12] << 24) | (bytes[13] << 16) | (bytes[14] << 8) | bytes[15]);
        return write.ClientId == clientId ? write : null;
    }
}
