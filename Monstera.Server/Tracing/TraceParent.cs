using System.Diagnostics;

namespace Monstera.Server.Tracing;

/// <summary>What a span of another thread or node belongs under. There is none unless it is traced.</summary>
internal sealed record TraceParent(ActivityContext Context)
{
    /// <summary>The trace's id, the span's, and flags of which the lowest is: traced.</summary>
    public const int Bytes = 16 + 8 + 1;

    /// <returns>Null: it is garbled, or not traced. Never throws.</returns>
    public static TraceParent? Read(ReadOnlySpan<byte> bytes)
    {
        // More may follow in a later version.
        if (bytes.Length < Bytes || (bytes[24] & 1) == 0 || !bytes[..16].ContainsAnyExcept((byte)0) || !bytes[16..24].ContainsAnyExcept((byte)0))
        {
            return null;
        }

        return new TraceParent(new ActivityContext(
            ActivityTraceId.CreateFromBytes(bytes[..16]), ActivitySpanId.CreateFromBytes(bytes[16..24]), ActivityTraceFlags.Recorded, traceState: null, isRemote: true));
    }

    public void Write(Span<byte> bytes)
    {
        // They fill what they are given.
        Context.TraceId.CopyTo(bytes[..16]);
        Context.SpanId.CopyTo(bytes[16..24]);
        bytes[24] = 1;
    }
}
