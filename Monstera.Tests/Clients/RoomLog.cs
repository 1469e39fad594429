using System.Text.Json;

namespace Monstera.Tests.Clients;

/// <summary>An event as a client got it.</summary>
public sealed record SeenEvent(long Seq, string Type, Guid Sender, Guid? ClientId, string? Text, long? Target, Guid? User, string Raw)
{
    public static SeenEvent Of(JsonElement e) => new(
        e.GetProperty("seq").GetInt64(),
        e.GetProperty("type").GetString()!,
        e.GetProperty("sender").GetGuid(),
        e.TryGetProperty("clientId", out JsonElement clientId) ? clientId.GetGuid() : null,
        e.TryGetProperty("text", out JsonElement text) ? text.GetString() : null,
        e.TryGetProperty("target", out JsonElement target) ? target.GetInt64() : null,
        e.TryGetProperty("user", out JsonElement user) ? user.GetGuid() : null,
        e.GetRawText());
}

/// <summary>One room as a client has it: its cursor and what it has applied, by the rules of docs/protocol.md section 9.</summary>
public sealed class RoomLog(Guid room, long from)
{
    private readonly List<JsonElement> _held = [];

    public Guid Room { get; } = room;

    /// <summary>The cursor that it began with.</summary>
    public long From { get; } = from;

    public long? Epoch { get; private set; }

    public long Last { get; private set; } = from;

    /// <summary>What was applied: consecutive from <see cref="From"/> + 1 on.</summary>
    public List<SeenEvent> Events { get; } = [];

    /// <summary>Told of each event that is applied.</summary>
    public Action<SeenEvent>? Applied { get; set; }

    /// <summary>Subscribed, as far as the client knows.</summary>
    public bool Live { get; private set; }

    /// <summary>A Resume is under way.</summary>
    public bool InFlight { get; private set; }

    /// <summary>Why the room cannot be resumed.</summary>
    public string? Error { get; private set; }

    public int Gaps { get; private set; }

    public int Resets { get; private set; }

    /// <summary>Events that had been applied already.</summary>
    public int Repeats { get; private set; }

    public bool Wanted => !Live && !InFlight && Error is null;

    public void BeginResume()
    {
        InFlight = true;
        Live = false;
    }

    /// <summary>The connection is gone, and with it the subscription and what was held.</summary>
    public void Disconnect()
    {
        InFlight = false;
        Live = false;
        _held.Clear();
    }

    /// <summary>The room's part of the answer to a Resume.</summary>
    public void TakeAnswer(JsonElement answer)
    {
        InFlight = false;
        if (answer.Code() is { } code)
        {
            // Otherwise it is asked for again.
            Error = answer.RetryAfterMs() is null ? code : null;
            return;
        }

        string status = answer.GetProperty("status").GetString()!;
        long epoch = answer.GetProperty("epoch").GetInt64();
        if (status == "reset")
        {
            Resets++;
            Error = "reset";
            return;
        }

        Epoch = epoch;
        foreach (JsonElement e in answer.GetProperty("events").EnumerateArray())
        {
            Assert.True(Apply(e), $"Resume left out what follows {Last}: {e.GetRawText()}");
        }

        Assert.Equal(Last, answer.GetProperty("next").GetInt64());
        Live = status == "complete";
        if (Live)
        {
            Assert.Equal(Last, answer.GetProperty("head").GetInt64());
        }

        // What overtook the answer.
        JsonElement[] held = [.. _held];
        _held.Clear();
        foreach (JsonElement message in held)
        {
            TakeEvents(message);
        }
    }

    /// <summary>An <c>Events</c> message.</summary>
    public void TakeEvents(JsonElement message)
    {
        if (InFlight)
        {
            _held.Add(message);
            return;
        }

        if (message.TryGetProperty("gap", out JsonElement gap) && gap.GetBoolean())
        {
            Gaps++;
            Live = false;
            return;
        }

        long before = 0;
        foreach (JsonElement e in message.GetProperty("events").EnumerateArray())
        {
            long seq = e.GetProperty("seq").GetInt64();
            Assert.True(before == 0 || seq == before + 1, $"One message holds seq {before} and then {seq}.");
            before = seq;
            if (!Apply(e))
            {
                // Beyond the next: what is between has to be asked for.
                Live = false;
                return;
            }
        }
    }

    /// <returns>False when something is missing before it.</returns>
    private bool Apply(JsonElement e)
    {
        long seq = e.GetProperty("seq").GetInt64();
        if (seq <= Last)
        {
            Repeats++;
            return true;
        }

        if (seq != Last + 1)
        {
            return false;
        }

        Events.Add(SeenEvent.Of(e));
        Last = seq;
        Applied?.Invoke(Events[^1]);
        return true;
    }
}
