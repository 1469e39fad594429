using Monstera.Data.Growth;

namespace Monstera.Server.Growth;

/// <summary>Reports on what the storage has of the history. A report is good for a few seconds, so that asking again and again costs nothing.</summary>
internal sealed class GrowthReports(IGrowthLog history, GrowthBook book, InstallationSetup setup, TimeProvider time)
{
    private static readonly TimeSpan GoodFor = TimeSpan.FromSeconds(5);

    private volatile GrowthReport? _last;

    /// <exception cref="Monstera.Data.StorageUnavailableException">The history cannot be read.</exception>
    public async Task<GrowthReport> Make(CancellationToken cancel)
    {
        DateTimeOffset now = time.GetUtcNow();
        if (_last is { } last && now - last.At < GoodFor && now >= last.At)
        {
            return last;
        }

        IReadOnlyList<GrowthRow> hours = await history.Read(GrowthSpan.Hour, GrowthHistory.DayOf(now) - GrowthHistory.HoursKeptFor, cancel);
        IReadOnlyList<GrowthRow> days = await history.Read(GrowthSpan.Day, GrowthHistory.DayOf(now) - GrowthHistory.DaysKeptFor, cancel);
        return _last = Advisor.Report(book, setup, hours, days, now);
    }
}
