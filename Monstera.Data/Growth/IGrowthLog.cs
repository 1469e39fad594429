namespace Monstera.Data.Growth;

/// <summary>How long a sample covers. The numbers are stored.</summary>
public enum GrowthSpan : short
{
    /// <summary>Of one node.</summary>
    Hour = 1,

    /// <summary>Of the installation.</summary>
    Day = 2,
}

/// <param name="Node">Its name; empty for the whole installation.</param>
/// <param name="At">When the hour or day began, UTC.</param>
public sealed record GrowthRow(GrowthSpan Span, string Node, DateTimeOffset At, GrowthSample Sample);

/// <summary>
/// A small history of how busy the installation was, for the growth advisor. A hint as all that is measured: it may have holes, and nothing else depends on it. It is of the storage and
/// not of the installation: a move to another storage begins a new one.
/// </summary>
/// <remarks>
/// Samples of one span, node and time replace each other, the last one stays; so everything here may be repeated. Nodes may write at once.
/// <para>Exceptions: <see cref="StorageUnavailableException"/>, for the caller to log and try again at the next sample.</para>
/// </remarks>
public interface IGrowthLog
{
    /// <summary>Node names are cut to so many characters.</summary>
    const int NodeCharsMax = 128;

    /// <summary>Rows that one reading gives at most, the latest ones: 15 days of hours of more than a hundred nodes.</summary>
    const int RowsMax = 50_000;

    /// <summary>All of them, or none.</summary>
    ValueTask Write(IReadOnlyList<GrowthRow> rows, CancellationToken cancel);

    /// <summary>Rows from <paramref name="since"/> on, by time, then node. What cannot be read is left out.</summary>
    ValueTask<IReadOnlyList<GrowthRow>> Read(GrowthSpan span, DateTimeOffset since, CancellationToken cancel);

    /// <summary>Forgets what began before.</summary>
    ValueTask Remove(GrowthSpan span, DateTimeOffset before, CancellationToken cancel);
}
