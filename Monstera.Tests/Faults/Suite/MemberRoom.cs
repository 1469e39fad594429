using System.Runtime.InteropServices;
using System.Text.Json;

namespace Monstera.Tests.Faults.Suite;

/// <summary>One member in one room, under the member's lock: its cursor and all that it applied, by rules 1 and 2 of docs/protocol.md section 9; and its writes, of which one is in doubt at any time.</summary>
internal sealed class MemberRoom(int member, int room, Guid id, Tally tally)
{
    private readonly List<byte[]> _held = [];
    private long _last;
    private long _probeSeq;

    public int Room => room;

    public Guid Id => id;

    /// <summary>The cursor.</summary>
    public long Last => Interlocked.Read(ref _last);

    public long? Epoch { get; private set; }

    /// <summary>The digests of what was applied, from seq 1 on.</summary>
    public List<ulong> Seen { get; } = [];

    /// <summary>By ordinal, the seq that was acknowledged; 0: refused for good.</summary>
    public List<long> Acks { get; } = [];

    /// <summary>Subscribed, as far as the member knows.</summary>
    public bool Live { get; private set; }

    /// <summary>A Resume is under way.</summary>
    public bool InFlight { get; private set; }

    /// <summary>Before this timestamp neither the room is asked for nor the write tried.</summary>
    public long AskAgainAt { get; set; }

    public long WriteAgainAt { get; set; }

    /// <summary>A write has begun and is not acknowledged.</summary>
    public bool Pending { get; private set; }

    /// <summary>It was sent over this connection.</summary>
    public bool OnWire { get; set; }

    public long BegunAt { get; private set; }

    public int Begun => Acks.Count + (Pending ? 1 : 0);

    public WriteId Write => new(member, room, Acks.Count);

    /// <summary>The highest marker that was acknowledged, and that was asked for.</summary>
    public long MarkedAtLeast { get; private set; }

    public long MarkedAtMost { get; private set; }

    public bool Marking { get; set; }

    /// <summary>The seq of the first write that began after the probe did; 0: none is acknowledged yet.</summary>
    public long ProbeSeq => Interlocked.Read(ref _probeSeq);

    public bool Wanted(long now) => !Live && !InFlight && now >= AskAgainAt;

    public void BeginProbe() => Interlocked.Exchange(ref _probeSeq, 0);

    public void BeginWrite(long now)
    {
        Pending = true;
        BegunAt = now;
    }

    /// <param name="probeFrom">The timestamp from which on a write counts for the probe.</param>
    public void Acknowledge(long seq, long probeFrom)
    {
        if (Acks.Count > 0 && seq <= Acks[^1])
        {
            Break($"{Write} was acknowledged at seq {seq}, and the write before it at {Acks[^1]}");
        }

        Acks.Add(seq);
        Pending = false;
        OnWire = false;
        if (ProbeSeq == 0 && BegunAt >= probeFrom)
        {
            Interlocked.Exchange(ref _probeSeq, seq);
        }
    }

    public void BeginMark(long seq)
    {
        Marking = true;
        MarkedAtMost = Math.Max(MarkedAtMost, seq);
    }

    /// <param name="seq">Where the marker is by the answer.</param>
    public void Marked(long seq)
    {
        if (seq < MarkedAtLeast || seq > MarkedAtMost)
        {
            Break($"the read marker is at {seq}, and was set between {MarkedAtLeast} and {MarkedAtMost}");
        }

        MarkedAtLeast = Math.Max(MarkedAtLeast, seq);
    }

    public void Disconnect()
    {
        Live = false;
        InFlight = false;
        OnWire = false;
        Marking = false;
        AskAgainAt = 0;
        WriteAgainAt = 0;
        _held.Clear();
    }

    public void BeginResume() => InFlight = true;

    /// <summary>The room cannot be read now.</summary>
    public void Postpone(long again)
    {
        InFlight = false;
        AskAgainAt = again;
        _held.Clear();
    }

    /// <summary>The room's part of an answer to Resume that is no error.</summary>
    public void TakeAnswer(JsonElement answer)
    {
        InFlight = false;
        string status = answer.GetProperty("status").GetString()!;
        TakeEpoch(answer);
        if (status == "reset")
        {
            Break($"a reset at {Last}: {answer.GetRawText()}");
            return;
        }

        long head = answer.GetProperty("head").GetInt64();
        foreach (JsonElement e in answer.GetProperty("events").EnumerateArray())
        {
            if (!Apply(e))
            {
                Break($"Resume left out what follows {Last}");
            }
        }

        Live = status == "complete";
        if (answer.GetProperty("next").GetInt64() != Last || head < Last || (Live && head != Last))
        {
            Break($"Resume says next {answer.GetProperty("next")}, head {head}, {status}, and what it brought ends at {Last}");
        }

        foreach (byte[] frame in _held)
        {
            using JsonDocument document = JsonDocument.Parse(frame);
            TakeEvents(document.RootElement.GetProperty("arguments")[0], frame);
        }

        _held.Clear();
    }

    /// <summary>An <c>Events</c> message; while a Resume is under way it is held, frame and all.</summary>
    public void TakeEvents(JsonElement message, ReadOnlyMemory<byte> frame)
    {
        if (InFlight)
        {
            _held.Add(frame.ToArray());
            return;
        }

        if (message.TryGetProperty("gap", out JsonElement gap) && gap.GetBoolean())
        {
            tally.Gap();
            Live = false;
            return;
        }

        TakeEpoch(message);
        foreach (JsonElement e in message.GetProperty("events").EnumerateArray())
        {
            if (!Apply(e))
            {
                if (Live)
                {
                    // A client would ask for what is missing and nobody would notice; but a server that has somebody live leaves nothing out without saying so.
                    Break($"seq {e.GetProperty("seq")} came after {Last}, and nobody said that something was left out");
                }

                Live = false;
                return;
            }
        }
    }

    public void Break(string violation) => tally.Break($"member {member} in room {room}: {violation}");

    private void TakeEpoch(JsonElement message)
    {
        long epoch = message.GetProperty("epoch").GetInt64();
        if (Epoch is { } known && known != epoch)
        {
            Break($"epoch {epoch} after {known}");
        }

        Epoch = epoch;
    }

    /// <returns>False when something is missing before it.</returns>
    private bool Apply(JsonElement e)
    {
        ulong digest = EventDigest.Of(JsonMarshal.GetRawUtf8Value(e), out long seq);
        if (seq > Last + 1)
        {
            return false;
        }

        if (seq <= Last)
        {
            tally.Repeat();
            if (Seen[(int)seq - 1] != digest)
            {
                Break($"seq {seq} came again, as something else: {e.GetRawText()}");
            }

            return true;
        }

        Seen.Add(digest);
        tally.Deliver(1);
        Interlocked.Exchange(ref _last, seq);
        return true;
    }
}
