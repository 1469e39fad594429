using System.Globalization;
using System.Text.Json;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Faults.Suite;

/// <summary>Frames, there and back. Calls about the log have ids of their own: <c>w</c> a write, <c>r</c> a Resume, <c>m</c> a read marker, each with a number.</summary>
internal sealed partial class Member
{
    private const int MarkEvery = 8;
    private const int JitterMs = 100;

    private int _resumes;

    /// <summary>On the reading thread of the connection.</summary>
    /// <returns>False: it is for somebody else.</returns>
    private bool Take(ReadOnlyMemory<byte> frame)
    {
        try
        {
            long now = TimeProvider.System.GetTimestamp();
            Interlocked.Exchange(ref _heardAt, now);
            using JsonDocument document = JsonDocument.Parse(frame);
            JsonElement root = document.RootElement;
            if (!root.TryGetProperty("type", out JsonElement type))
            {
                return false;
            }

            lock (_gate)
            {
                return type.GetInt32() switch
                {
                    1 => TakeMessage(root, frame),
                    3 => TakeAnswer(root, now),
                    _ => false,
                };
            }
        }
        catch (Exception e)
        {
            _tally.Break($"member {Index}: {e}");
            return true;
        }
    }

    private bool TakeMessage(JsonElement root, ReadOnlyMemory<byte> frame)
    {
        JsonElement argument = root.GetProperty("arguments")[0];
        switch (root.GetProperty("target").GetString())
        {
            case "Events":
                TakeEvents(argument, frame);
                break;
            case "Reconnect" when _hub is { } hub:
                _ = Move(hub, argument.GetProperty("afterMs").GetInt32());
                break;
            case "SignedOut":
                _tally.Break($"member {Index} was signed out: {argument.GetRawText()}");
                break;
            default:
                break;
        }

        return true;
    }

    private void TakeEvents(JsonElement argument, ReadOnlyMemory<byte> frame)
    {
        Guid id = argument.GetProperty("room").GetGuid();
        if (Array.Find(_rooms, room => room.Id == id) is not { } mine)
        {
            _tally.Break($"member {Index} was given events of a room that it never asked for: {id}");
            return;
        }

        mine.TakeEvents(argument, frame);
        if (_hub is { } hub)
        {
            TryResume(hub, TimeProvider.System.GetTimestamp());
        }
    }

    private bool TakeAnswer(JsonElement root, long now)
    {
        string id = root.GetProperty("invocationId").GetString()!;
        if (_hub is not { } hub || id[0] is not ('w' or 'r' or 'm'))
        {
            return false;
        }

        if (!root.TryGetProperty("result", out JsonElement result))
        {
            _tally.Break($"member {Index}: an answer without a result: {root.GetRawText()}");
            return true;
        }

        switch (id[0])
        {
            case 'w':
                TakeAck(hub, id, result, now);
                break;
            case 'r':
                TakeResume(result, now);
                TryResume(hub, now);
                break;
            default:
                TakeMark(_rooms[int.Parse(id.AsSpan(1), CultureInfo.InvariantCulture)], result);
                break;
        }

        return true;
    }

    /// <summary>Of the write that is in doubt, and of no other: <c>w</c>, which of the rooms, a point, the ordinal.</summary>
    private void TakeAck(HubSocket hub, string id, JsonElement result, long now)
    {
        int point = id.IndexOf('.', StringComparison.Ordinal);
        MemberRoom room = _rooms[int.Parse(id.AsSpan(1, point - 1), CultureInfo.InvariantCulture)];
        int ordinal = int.Parse(id.AsSpan(point + 1), CultureInfo.InvariantCulture);
        if (!room.Pending || !room.OnWire || ordinal != room.Acks.Count)
        {
            room.Break($"an answer to write {ordinal}, which nobody waits for: {result.GetRawText()}");
            return;
        }

        if (result.Code() is { } code)
        {
            room.OnWire = false;
            _tally.Refuse();
            if (result.RetryAfterMs() is { } ms)
            {
                room.WriteAgainAt = After(now, ms);
            }
            else
            {
                room.Break($"{room.Write} was refused for good: {code} {result.Message()}");
                room.WriteAgainAt = long.MaxValue;
            }

            return;
        }

        _tally.Acknowledge(TimeProvider.System.GetElapsedTime(room.BegunAt, now));
        room.Acknowledge(result.GetProperty("seq").GetInt64(), _probeFrom);
        if (room.Acks.Count % MarkEvery == 0 && !room.Marking && room.Last > 0)
        {
            room.BeginMark(room.Last);
            hub.SendFrame(Call($"m{Array.IndexOf(_rooms, room)}", "MarkRead", $$"""{"room":"{{room.Id}}","seq":{{room.Last}}}"""));
        }

        room.WriteAgainAt = _rules.PauseMax == TimeSpan.Zero ? now : After(now, _random.NextDouble() * _rules.PauseMax.TotalMilliseconds, jitterMs: 0);
        TryWrite(hub, room, now);
    }

    private static void TakeMark(MemberRoom room, JsonElement result)
    {
        room.Marking = false;
        if (result.Code() is null)
        {
            room.Marked(result.GetProperty("seq").GetInt64());
        }
        else if (result.RetryAfterMs() is null)
        {
            room.Break($"MarkRead was refused for good: {result.GetRawText()}");
        }
    }

    private void TakeResume(JsonElement result, long now)
    {
        MemberRoom[] asked = _asked!;
        _asked = null;
        if (result.Code() is { } code)
        {
            Array.ForEach(asked, room => Postpone(room, result, code, now));
            return;
        }

        JsonElement.ArrayEnumerator answers = result.GetProperty("rooms").EnumerateArray();
        foreach (MemberRoom room in asked)
        {
            if (!answers.MoveNext() || answers.Current.GetProperty("room").GetGuid() != room.Id)
            {
                room.Break($"Resume does not answer in order: {result.GetRawText()}");
                return;
            }

            if (answers.Current.Code() is { } refused)
            {
                Postpone(room, answers.Current, refused, now);
            }
            else
            {
                room.TakeAnswer(answers.Current);
            }
        }

        _joined |= Array.TrueForAll(_rooms, room => room.Live);
    }

    private void Postpone(MemberRoom room, JsonElement answer, string code, long now)
    {
        _tally.Refuse();
        if (answer.RetryAfterMs() is { } ms)
        {
            room.Postpone(After(now, ms));
            return;
        }

        room.Break($"Resume was refused for good: {code}");
        room.Postpone(long.MaxValue);
    }

    /// <summary>Sends the write that is due, or begins the next.</summary>
    private void TryWrite(HubSocket hub, MemberRoom room, long now)
    {
        if (room.OnWire || now < room.WriteAgainAt || (!room.Pending && !Writes))
        {
            return;
        }

        if (!room.Pending)
        {
            room.BeginWrite(now);
        }

        room.OnWire = true;
        WriteId write = room.Write;
        string text = JsonSerializer.Serialize(write.Text);
        string id = string.Create(CultureInfo.InvariantCulture, $"w{Array.IndexOf(_rooms, room)}.{write.Ordinal}");
        hub.SendFrame(write.IsEdit
            ? Call(id, "Edit", $$"""{"room":"{{room.Id}}","clientId":"{{write.ClientId}}","seq":{{room.Acks[^1]}},"text":{{text}}}""")
            : Call(id, "Send", $$"""{"room":"{{room.Id}}","clientId":"{{write.ClientId}}","text":{{text}}}"""));
    }

    /// <summary>Asks for the rooms that need it; one call at a time.</summary>
    private void TryResume(HubSocket hub, long now)
    {
        if (_asked is not null || !Array.Exists(_rooms, room => room.Wanted(now)))
        {
            return;
        }

        _asked = Array.FindAll(_rooms, room => room.Wanted(now));
        Array.ForEach(_asked, room => room.BeginResume());
        IEnumerable<string> cursors = _asked.Select(room => room.Epoch is { } epoch
            ? $$"""{"room":"{{room.Id}}","epoch":{{epoch}},"seq":{{room.Last}}}"""
            : $$"""{"room":"{{room.Id}}","seq":{{room.Last}}}""");
        hub.SendFrame(Call($"r{++_resumes}", "Resume", $$"""{"rooms":[{{string.Join(',', cursors)}}]}"""));
    }

    private static string Call(string id, string method, string argument) =>
        $$"""{"type":1,"invocationId":"{{id}}","target":"{{method}}","arguments":[{{argument}}]}""";

    private long After(long now, double ms, int jitterMs = JitterMs) =>
        now + (long)((ms + (_random.NextDouble() * jitterMs)) * TimeProvider.System.TimestampFrequency / 1_000);
}
