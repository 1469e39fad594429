namespace Monstera.Bench.Load;

/// <summary>A page of messages as REST answers it.</summary>
internal static class HistoryPage
{
    /// <summary>The body holds exactly the events up to <paramref name="last"/>, in order, or the run is worth nothing.</summary>
    public static void Check(ReadOnlySpan<byte> body, string path, long last, int items)
    {
        long expected = last - items + 1;
        for (ReadOnlySpan<byte> rest = Records.After(body, EventFrame.SeqName); !rest.IsEmpty; rest = Records.After(rest, EventFrame.SeqName))
        {
            long seq = Records.Number(rest);
            BenchFailedException.ThrowIf(seq != expected, $"{path} has event {seq} in the place of {expected}");
            expected++;
        }

        BenchFailedException.ThrowIf(expected != last + 1, $"{path} ends before event {expected}, and was to end with {last}: {Records.Show(body)}");
    }
}
