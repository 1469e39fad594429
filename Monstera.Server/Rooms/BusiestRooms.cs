using System.Diagnostics.Metrics;
using Monstera.Data.Ids;

namespace Monstera.Server.Rooms;

/// <summary>
/// Counts messages by room without a series for each: the busiest have a name, all others are <c>other</c>. Who is busiest is settled once a minute, by the minute before; until as many
/// rooms have a name as may have one, the next that is written to gets one.
/// </summary>
/// <remarks>
/// No series goes back: a room that loses its name goes on in <c>other</c>, its series stays as it is, and goes on from there when the room is busy again. Of such series there are four for each
/// name; the one that has rested longest is shown no more, but its count is kept for some thousand rooms. Who counts is the write path, once for a room of a batch.
/// </remarks>
public sealed class BusiestRooms(int named, TimeProvider time)
{
    /// <summary>Rooms whose messages of the present minute are counted. Those that come later in it than so many others are not among the busiest.</summary>
    private const int CandidatesMax = 8_192;

    /// <summary>Series of rooms that have no name now, for each that has.</summary>
    private const int RestingPerNamed = 4;

    private const int RememberedMax = 10_000;
    private static readonly TimeSpan SettledEvery = TimeSpan.FromMinutes(1);

    private readonly Lock _gate = new();
    private readonly Dictionary<RoomId, long> _minute = [];
    private readonly Dictionary<RoomId, Counted> _named = [];

    // Shown and not counted, then only remembered; the longest rest first.
    private readonly OrderedDictionary<RoomId, Counted> _resting = [];
    private readonly OrderedDictionary<RoomId, long> _remembered = [];
    private long _other;
    private long _settledAt = time.GetTimestamp();

    public void Count(RoomId room, long messages)
    {
        lock (_gate)
        {
            if (_minute.Count < CandidatesMax || _minute.ContainsKey(room))
            {
                _minute[room] = _minute.GetValueOrDefault(room) + messages;
            }

            if (_named.Count < named && !_named.ContainsKey(room))
            {
                Name(room);
            }

            if (_named.TryGetValue(room, out Counted? counted))
            {
                counted.Messages += messages;
            }
            else
            {
                _other += messages;
            }
        }
    }

    /// <param name="label">Comes before the room's.</param>
    public IReadOnlyList<Measurement<long>> Read(KeyValuePair<string, object?> label)
    {
        lock (_gate)
        {
            if (time.GetElapsedTime(_settledAt) >= SettledEvery)
            {
                Settle();
            }

            return
            [
                new Measurement<long>(_other, label, new("room", "other")),
                .. _named.Concat(_resting).Select(one => new Measurement<long>(one.Value.Messages, label, new("room", one.Value.Label))),
            ];
        }
    }

    /// <summary>Under the lock: who was busiest since the last time has a name from now on.</summary>
    private void Settle()
    {
        _settledAt = time.GetTimestamp();

        // Of two that are equally busy the one that has a name keeps it.
        RoomId[] busiest = [.. _minute.OrderByDescending(one => one.Value).ThenByDescending(one => _named.ContainsKey(one.Key)).Take(named).Select(one => one.Key)];
        _minute.Clear();
        foreach (RoomId room in busiest.Where(room => !_named.ContainsKey(room)))
        {
            if (_named.Count >= named)
            {
                Rest(_named.Keys.First(other => !busiest.Contains(other)));
            }

            Name(room);
        }
    }

    private void Name(RoomId room)
    {
        if (!_resting.Remove(room, out Counted? counted))
        {
            _remembered.Remove(room, out long before);
            counted = new Counted(room.ToString()) { Messages = before };
        }

        _named.Add(room, counted);
    }

    private void Rest(RoomId room)
    {
        _named.Remove(room, out Counted? counted);
        _resting.Add(room, counted!);
        if (_resting.Count > named * RestingPerNamed)
        {
            (RoomId gone, Counted last) = _resting.GetAt(0);
            _resting.RemoveAt(0);
            _remembered.Add(gone, last.Messages);
        }

        if (_remembered.Count > RememberedMax)
        {
            _remembered.RemoveAt(0);
        }
    }

    private sealed class Counted(string label)
    {
        public string Label { get; } = label;

        public long Messages { get; set; }
    }
}
