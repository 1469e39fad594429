using System.Text.Json;
using Monstera.Data.Ids;
using Monstera.Server.Delivery;
using Monstera.Server.Feeds;
using Monstera.Tests.Clients;

namespace Monstera.Tests.Feeds;

/// <summary>Takes what a feed offers as a connection does, and keeps it. Frozen it takes nothing, until it thaws and reads on from its cursor.</summary>
internal sealed class ReadingSubscriber(RoomFeed feed, UserId user, long cursor, long epoch = 1) : FeedSubscriber(feed, user)
{
    private readonly Lock _gate = new();
    private readonly List<long> _seqs = [];
    private bool _frozen;

    public Signal Changed { get; } = new();

    public long Cursor { get; private set; } = cursor;

    public bool Gapped { get; private set; }

    /// <summary>The membership has ended and its last event was seen.</summary>
    public bool Ended { get; private set; }

    /// <summary>How often a frame that all share could be taken as it was.</summary>
    public int SharedFrames { get; private set; }

    public int LargestFrameBytes { get; private set; }

    public FeedFrame? LastFrame { get; private set; }

    public long[] Seqs
    {
        get
        {
            lock (_gate)
            {
                return [.. _seqs];
            }
        }
    }

    public override void Offer(FeedFrame frame, FlushList flush)
    {
        lock (_gate)
        {
            if (_frozen || Gapped)
            {
                return;
            }

            if (Cursor + 1 == frame.From && frame.Epoch == epoch && Until == long.MaxValue)
            {
                SharedFrames++;
                Take(frame);
            }
            else if (Cursor < frame.To)
            {
                ReadOn();
            }
        }

        Changed.Pulse();
    }

    public override void Wake()
    {
        // As in a connection: never on the feed's thread, which holds its lock.
        ThreadPool.QueueUserWorkItem(_ =>
        {
            lock (_gate)
            {
                if (!_frozen)
                {
                    ReadOn();
                }
            }

            Changed.Pulse();
        });
    }

    public void Freeze()
    {
        lock (_gate)
        {
            _frozen = true;
        }
    }

    public void Thaw()
    {
        lock (_gate)
        {
            _frozen = false;
        }

        Wake();
    }

    public Task Reach(long seq) => Changed.Until(() => Cursor >= seq, $"seq {seq} (is at {Cursor})");

    private void ReadOn()
    {
        while (true)
        {
            switch (Feed.ReadAfter(epoch, Cursor, Until, out FeedFrame? frame))
            {
                case FeedReadStatus.Frame:
                    Take(frame!);
                    break;
                case FeedReadStatus.Gap:
                    Gapped = true;
                    return;
                default:
                    Ended = Cursor >= Until;
                    return;
            }
        }
    }

    private void Take(FeedFrame frame)
    {
        ReadOnlyMemory<byte> bytes = frame.Bytes;
        Assert.Equal(0x1e, bytes.Span[^1]);
        using JsonDocument json = JsonDocument.Parse(bytes[..^1]);
        JsonElement argument = json.RootElement.GetProperty("arguments")[0];
        long[] seqs = [.. argument.GetProperty("events").EnumerateArray().Select(e => e.GetProperty("seq").GetInt64())];
        Assert.Equal(Enumerable.Range(0, (int)(frame.To - frame.From) + 1).Select(i => frame.From + i), seqs);
        _seqs.AddRange(seqs);
        Cursor = frame.To;
        LastFrame = frame;
        LargestFrameBytes = Math.Max(LargestFrameBytes, bytes.Length);
    }
}
