namespace Monstera.Tests.Faults.Suite;

/// <summary>What a member says of its read marker, and what the server says at rest.</summary>
/// <param name="AtLeast">The highest that was acknowledged.</param>
/// <param name="AtMost">The highest that was asked for.</param>
internal sealed record ReadState(long AtLeast, long AtMost, long ReadSeq, int Unread);

/// <summary>One member's part of a room's history.</summary>
/// <param name="Begun">How many writes it began.</param>
/// <param name="Acks">By ordinal of the write, the seq that was acknowledged; 0: none was.</param>
/// <param name="Seen">The digests of what it applied, from seq 1 on.</param>
internal sealed record MemberHistory(int Member, Guid User, int Begun, IReadOnlyList<long> Acks, IReadOnlyList<ulong> Seen, ReadState? Read = null);

/// <summary>A room as the store has it and as each of its members lived it.</summary>
internal sealed record RoomHistory(int Room, IReadOnlyList<LogEvent> Log, IReadOnlyList<MemberHistory> Members);

/// <summary>
/// The promises of the log, held against the histories at rest: no gap; each write that was acknowledged is stored, once, as it was written, at the seq that was acknowledged; nothing is stored that
/// nobody wrote; each member's writes keep their order; everybody saw the whole log, the same, in its order; read markers and what is unread are right.
/// </summary>
internal static class Checker
{
    /// <summary>Of each room as many are told: the first shows where to look.</summary>
    private const int ViolationsMax = 20;

    /// <summary>Stands for all that are more.</summary>
    private const int UnreadMax = 1_000;

    /// <returns>What does not hold, in sentences.</returns>
    public static IReadOnlyList<string> Check(RoomHistory history)
    {
        List<string> violations = [];
        Dictionary<int, MemberHistory> members = history.Members.ToDictionary(member => member.Member);
        for (int i = 0; i < history.Log.Count; i++)
        {
            Expect(violations, history.Log[i].Seq == i + 1, () => $"the log has seq {history.Log[i].Seq} where {i + 1} belongs");
        }

        CheckStored(history, members, violations);
        foreach (MemberHistory member in history.Members)
        {
            CheckAcks(history, member, violations);
            CheckSeen(history, member, violations);
            CheckRead(history, member, violations);
        }

        return [.. violations.Take(ViolationsMax).Select(violation => $"room {history.Room}: {violation}")];
    }

    /// <summary>Each stored write once, as it was written, in its member's order.</summary>
    private static void CheckStored(RoomHistory history, Dictionary<int, MemberHistory> members, List<string> violations)
    {
        Dictionary<(Guid, Guid), long> places = [];
        Dictionary<int, int> last = [];
        foreach (LogEvent e in history.Log.Where(e => e.Type.StartsWith("message.", StringComparison.Ordinal)))
        {
            if (e.ClientId is not { } clientId || WriteId.Of(clientId) is not { } write || write.Room != history.Room
                || !members.TryGetValue(write.Member, out MemberHistory? member) || member.User != e.Sender || write.Ordinal < 0 || write.Ordinal >= member.Begun)
            {
                violations.Add($"seq {e.Seq} was written by nobody: {e}");
                continue;
            }

            if (!places.TryAdd((e.Sender, clientId), e.Seq))
            {
                violations.Add($"{write} is stored twice: at seq {places[(e.Sender, clientId)]} and at {e.Seq}");
                continue;
            }

            long? target = write.IsEdit && write.Ordinal <= member.Acks.Count ? member.Acks[write.Ordinal - 1] : null;
            Expect(
                violations,
                e.Text == write.Text && e.Target == target && e.Type == (write.IsEdit ? "message.edited" : "message.created"),
                () => $"{write} is stored at seq {e.Seq} otherwise than it was written: {e}");
            Expect(violations, write.Ordinal > last.GetValueOrDefault(write.Member, -1), () => $"{write} is stored at seq {e.Seq}, after a later write of its member");
            last[write.Member] = Math.Max(write.Ordinal, last.GetValueOrDefault(write.Member, -1));
        }
    }

    /// <summary>Each acknowledgement names the write's place, and at rest there is one for each write.</summary>
    private static void CheckAcks(RoomHistory history, MemberHistory member, List<string> violations)
    {
        for (int ordinal = 0; ordinal < member.Begun; ordinal++)
        {
            WriteId write = new(member.Member, history.Room, ordinal);
            long seq = ordinal < member.Acks.Count ? member.Acks[ordinal] : 0;
            if (seq == 0)
            {
                violations.Add($"{write} was never acknowledged");
                continue;
            }

            bool isThere = seq >= 1 && seq <= history.Log.Count && history.Log[(int)seq - 1] is { } e && e.ClientId == write.ClientId && e.Sender == member.User;
            Expect(violations, isThere, () => $"{write} was acknowledged at seq {seq} and is lost: there is {(seq <= history.Log.Count ? history.Log[(int)seq - 1] : "the end of the log before it")}");
        }
    }

    private static void CheckSeen(RoomHistory history, MemberHistory member, List<string> violations)
    {
        int common = Math.Min(history.Log.Count, member.Seen.Count);
        int different = Enumerable.Range(0, common).FirstOrDefault(i => history.Log[i].Digest != member.Seen[i], -1);
        if (different >= 0)
        {
            int elsewhere = Enumerable.Range(0, history.Log.Count).FirstOrDefault(i => history.Log[i].Digest == member.Seen[different], -1);
            violations.Add($"member {member.Member} saw something else at seq {different + 1} than the log has: {(elsewhere < 0 ? "what is nowhere in it" : $"that of seq {elsewhere + 1}")}");
        }

        Expect(violations, history.Log.Count == member.Seen.Count, () => $"member {member.Member} saw {member.Seen.Count} events, and the log has {history.Log.Count}");
    }

    private static void CheckRead(RoomHistory history, MemberHistory member, List<string> violations)
    {
        if (member.Read is not { } read)
        {
            return;
        }

        // Whoever joins has read what was there.
        long joined = history.Log.FirstOrDefault(e => e.Sender == member.User)?.Seq ?? 0;
        Expect(
            violations,
            read.ReadSeq >= read.AtLeast && read.ReadSeq <= Math.Max(read.AtMost, joined),
            () => $"member {member.Member} has read to {read.ReadSeq}, and marked between {read.AtLeast} and {read.AtMost}");
        int unread = history.Log.Count(e => e.Seq > read.ReadSeq && e.Type == "message.created" && e.Sender != member.User);
        Expect(violations, read.Unread == Math.Min(unread, UnreadMax), () => $"member {member.Member} is told of {read.Unread} unread messages after {read.ReadSeq}, and there are {unread}");
    }

    private static void Expect(List<string> violations, bool holds, Func<string> otherwise)
    {
        if (!holds && violations.Count < ViolationsMax)
        {
            violations.Add(otherwise());
        }
    }
}
