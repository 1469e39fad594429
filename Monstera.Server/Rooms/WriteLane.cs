using Monstera.Data;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Hosting;

namespace Monstera.Server.Rooms;

/// <summary>
/// One partition's part of the write path: a bounded queue, and a loop that commits what has piled up. Drafts of slots that are being moved are parked and tried again, and go over to
/// another lane when the map says so; all others go on meanwhile. A partition that is away makes nobody wait but its own drafts.
/// </summary>
internal sealed class WriteLane : IDisposable
{
    /// <summary>How long a parked draft waits until it is tried again.</summary>
    private static readonly TimeSpan RetryEvery = TimeSpan.FromMilliseconds(25);

    /// <summary>A hand-over takes about a second at most. What waits for longer is answered.</summary>
    private static readonly TimeSpan ParkedFor = TimeSpan.FromSeconds(2.5);

    /// <summary>Between two words about a partition that is away: every batch fails then.</summary>
    private static readonly TimeSpan ComplainEvery = TimeSpan.FromSeconds(10);

    private readonly RoomWriter _writer;
    private readonly int _index;
    private readonly int _queueMax;
    private readonly int _batchMax;
    private readonly TimeProvider _time;
    private readonly Queue<PendingDraft> _queue = new();
    private readonly ParkedDrafts _parked = new();
    private readonly LaneSignal _signal = new();
    private readonly Seldom _complaints;
    private readonly ITimer _retry;
    private bool _isWaiting;
    private bool _isRetryArmed;
    private bool _isRetryDue;
    private bool _isClosed;
    private bool _hasEnded;
    private bool _isRetrying;

    public WriteLane(RoomWriter writer, int index, int queueMax, int batchMax, TimeProvider time)
    {
        (_writer, _index, _queueMax, _batchMax, _time) = (writer, index, queueMax, batchMax, time);
        _complaints = new Seldom(ComplainEvery, time);
        _retry = time.CreateTimer(static lane => ((WriteLane)lane!).RetryNow(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Under the writer's lock: drafts that wait.</summary>
    public int Waiting => _queue.Count + _parked.Count;

    private int Free => _queueMax - Waiting;

    /// <summary>From 0 to 1: how full the queue is. Under the writer's lock.</summary>
    public double QueueShare => 1 - ((double)Free / _queueMax);

    public void Dispose() => _retry.Dispose();

    /// <summary>Under the writer's lock.</summary>
    /// <returns>False: the queue is full, or closed.</returns>
    public bool TryEnqueue(PendingDraft pending)
    {
        if (_isClosed || Free <= 0)
        {
            return false;
        }

        _queue.Enqueue(pending);
        Wake();
        return true;
    }

    /// <summary>Takes nothing more. What is there is still committed, and then the loop ends.</summary>
    public void Close()
    {
        lock (_writer.Gate)
        {
            _isClosed = true;
            Wake();
        }
    }

    public async Task Run()
    {
        List<PendingDraft> batch = new(_batchMax);
        while (true)
        {
            switch (Take(batch))
            {
                case Taken.Nothing:
                    await _signal.Wait();
                    break;
                case Taken.Batch:
                    await Commit(batch);
                    batch.Clear();
                    break;
                case Taken.End:
                    return;
            }
        }
    }

    /// <summary>Whatever is to be committed next: what was parked when it is time, otherwise what has piled up.</summary>
    private Taken Take(List<PendingDraft> batch)
    {
        List<PendingDraft>? expired = null;
        lock (_writer.Gate)
        {
            if (_isRetryDue)
            {
                _isRetryDue = false;
                HandOver();
                expired = _parked.RemoveExpired(_time.GetTimestamp() - (long)(ParkedFor.TotalSeconds * _time.TimestampFrequency));
                _writer.Routes?.Leave(expired);
                _parked.MoveTo(batch, _batchMax);
                RetrySoon();
            }

            _isRetrying = batch.Count > 0;

            if (batch.Count == 0)
            {
                TakeQueued(batch);
            }

            if (batch.Count == 0 && expired is not { Count: > 0 })
            {
                _hasEnded = _isClosed && _parked.Count == 0;
                _isWaiting = !_hasEnded;
                return _hasEnded ? Taken.End : Taken.Nothing;
            }
        }

        if (expired is { Count: > 0 })
        {
            _writer.LogParkedTooLong(expired.Count);
            RoomWriter.AnswerAll(expired, Error.Unavailable());
        }

        return Taken.Batch;
    }

    private void TakeQueued(List<PendingDraft> batch)
    {
        while (batch.Count < _batchMax && _queue.TryDequeue(out PendingDraft? pending))
        {
            if (_parked.Count > 0 && Slot.Of(pending.Draft.Room) is var slot && _parked.Has(slot))
            {
                pending.ParkedAt ??= _time.GetTimestamp();
                _parked.Add(slot, pending);
            }
            else
            {
                batch.Add(pending);
            }
        }
    }

    /// <summary>One transaction, and again without the drafts that were refused because their slots are being moved.</summary>
    private async Task Commit(List<PendingDraft> batch)
    {
        if (_writer.Routes is not null && Elsewhere(batch) is { Count: > 0 } elsewhere)
        {
            Park(batch, elsewhere);
            if (!_isRetrying)
            {
                // Otherwise the other lane has no room for them, and what is queued here must have its turn before they are tried again.
                RetryNow();
            }
        }

        while (batch.Count > 0)
        {
            try
            {
                await _writer.CommitAll(batch, _index);
                _complaints.Reset();
                Answered(batch);
                if (_isRetrying && _parked.Count > 0)
                {
                    // There were more than go into a batch, and it goes on now.
                    RetryNow();
                }

                return;
            }
            catch (RoomMovedException e)
            {
                if (!Park(batch, e.Slots))
                {
                    Fail(batch, e);
                    return;
                }

                // The rest goes on at once.
            }
            catch (Exception e)
            {
                // Whatever it is must not end the loop: everybody would wait for ever.
                Fail(batch, e);
                return;
            }
        }
    }

    private void Fail(List<PendingDraft> batch, Exception e)
    {
        Answered(batch);
        if (e is StorageUnavailableException)
        {
            if (_complaints.IsTime())
            {
                _writer.LogUnavailable(e, batch.Count, _index);
            }

            RoomWriter.AnswerAll(batch, Error.Unavailable());
        }
        else
        {
            _writer.LogBroken(e, batch.Count);
            RoomWriter.AnswerAll(batch, new Error(ErrorCode.Internal, "The write path broke. Whether it was stored is unknown.", 1_000));
        }
    }

    /// <summary>Slots of the batch that went to another partition since they were queued here.</summary>
    private HashSet<short>? Elsewhere(List<PendingDraft> batch)
    {
        HashSet<short>? slots = null;
        foreach (PendingDraft pending in batch)
        {
            if (_writer.Store.PartitionOf(pending.Draft.Room) != _index)
            {
                (slots ??= []).Add(Slot.Of(pending.Draft.Room));
            }
        }

        return slots;
    }

    /// <returns>False: none of the batch is of these slots.</returns>
    private bool Park(List<PendingDraft> batch, IReadOnlyCollection<short> refused)
    {
        int before = batch.Count;
        lock (_writer.Gate)
        {
            _parked.TakeFrom(batch, refused, _time.GetTimestamp());
            RetrySoon();
        }

        return batch.Count < before;
    }

    private void Answered(List<PendingDraft> batch)
    {
        if (_writer.Routes is { } routes)
        {
            lock (_writer.Gate)
            {
                routes.Leave(batch);
            }
        }
    }

    /// <summary>
    /// Under the lock: parked slots that the map gives to another lane go there whole, with what is still queued here. Nothing of them is on its way to the store, for only the loop
    /// comes here; and the other lane has nothing of them yet.
    /// </summary>
    private void HandOver()
    {
        if (_writer.Routes is not { } routes)
        {
            return;
        }

        foreach (IGrouping<int, short> some in _parked.Slots.ToArray().GroupBy(slot => _writer.Store.PartitionOf(_parked.AnyOf(slot).Room)))
        {
            if (some.Key == _index)
            {
                continue;
            }

            // Counted before anything goes: a lane that has no room for all of them gets them later.
            HashSet<short> slots = [.. some];
            WriteLane to = _writer.Lanes[some.Key];
            List<PendingDraft> queued = [.. _queue.Where(pending => slots.Contains(Slot.Of(pending.Draft.Room)))];
            foreach (PendingDraft pending in queued)
            {
                pending.ParkedAt ??= _time.GetTimestamp();
                _parked.Add(Slot.Of(pending.Draft.Room), pending);
            }

            if (queued.Count > 0)
            {
                PendingDraft[] rest = [.. _queue.Where(pending => !slots.Contains(Slot.Of(pending.Draft.Room)))];
                _queue.Clear();
                Array.ForEach(rest, _queue.Enqueue);
            }

            foreach (short slot in slots)
            {
                if (to.TryAdopt(_parked, slot))
                {
                    routes.Move(slot, some.Key);
                }
            }
        }
    }

    /// <summary>Under the lock.</summary>
    private bool TryAdopt(ParkedDrafts from, short slot)
    {
        if (_hasEnded || from.CountOf(slot) > Free)
        {
            return false;
        }

        foreach (PendingDraft pending in from.Remove(slot))
        {
            _queue.Enqueue(pending);
        }

        Wake();
        return true;
    }

    private void RetryNow()
    {
        lock (_writer.Gate)
        {
            (_isRetryArmed, _isRetryDue) = (false, true);
            Wake();
        }
    }

    /// <summary>Under the lock. As long as something is parked, a retry is due or will be.</summary>
    private void RetrySoon()
    {
        if (_parked.Count > 0 && !_isRetryDue && !_isRetryArmed)
        {
            _isRetryArmed = true;
            _retry.Change(RetryEvery, Timeout.InfiniteTimeSpan);
        }
    }

    /// <summary>Under the lock.</summary>
    private void Wake()
    {
        if (_isWaiting)
        {
            _isWaiting = false;
            _signal.Set();
        }
    }

    private enum Taken : byte
    {
        /// <summary>Wait for the signal.</summary>
        Nothing,

        /// <summary>There is something to do, if only another look.</summary>
        Batch,

        /// <summary>Closed and empty.</summary>
        End,
    }
}
