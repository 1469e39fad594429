using System.Globalization;
using Monstera.Data.Growth;

namespace Monstera.Server.Growth;

/// <summary>
/// Says where an installation stands and what comes next: 1. puts the hours together into days; 2. reads each limit of the phase off the busiest of the last days; 3. draws its trend on;
/// 4. finds what comes first; 5. says what to do about it, or that less would do. Sums alone: it asks nobody, and the same history gives the same report.
/// </summary>
internal static class Advisor
{
    private const int HorizonDays = 5 * 365;

    /// <summary>Of a day: 31.000000001 days are 31.</summary>
    private const double Rounding = 1e-6;

    /// <param name="hours">Of nodes.</param>
    /// <param name="days">Of the installation.</param>
    public static GrowthReport Report(GrowthBook book, InstallationSetup setup, IReadOnlyList<GrowthRow> hours, IReadOnlyList<GrowthRow> days, DateTimeOffset now)
    {
        // 1.
        IReadOnlyList<GrowthDay> history = GrowthHistory.Days(hours, [.. days.Where(day => day.At <= now)]);
        int nodes = GrowthHistory.NodesAt(hours, now);
        Phase phase = book.PhaseOf(setup.Phase);
        Situation situation = new(book, setup, phase, history, nodes, now);

        // 2, 3.
        LimitReport[] limits = [.. phase.Limits.Keys.Order().Select(situation.ReportOf)];

        // 4.
        LimitReport[] order =
        [
            .. limits.Where(limit => limit.Share is not null).OrderBy(limit => limit.Share >= 1 ? DateOnly.MinValue : limit.ReachedOn ?? DateOnly.MaxValue).ThenByDescending(limit => limit.Share),
        ];
        LimitReport? first = order.FirstOrDefault();

        // 5. What comes first need not be what is due: a date may be years away while what has none stands high.
        Advice advice = Array.Find(order, situation.IsDue) is { } due ? situation.AdviceOn(due.Limit) : situation.Less() ?? situation.Stay();
        return new GrowthReport(
            now, phase.Number, phase.People, setup.Storage, setup.Backplane, setup.Shards, nodes, setup.FindLacks(phase, nodes), history.Count, book.History.DaysMin,
            situation.HasForecast, book.History.WarnShare, limits, first?.Limit, advice, phase.Number < book.Phases.Count ? situation.Enter(phase.Number + 1, AdviceKind.NextPhase, first?.Limit) : null);
    }

    private sealed class Situation
    {
        private readonly GrowthBook _book;
        private readonly InstallationSetup _setup;
        private readonly Phase _phase;
        private readonly IReadOnlyList<GrowthDay> _history;
        private readonly int _nodes;
        private readonly DateTimeOffset _now;
        private readonly IReadOnlyList<GrowthDay> _recent;
        private readonly List<GrowthDay> _whole;

        public Situation(GrowthBook book, InstallationSetup setup, Phase phase, IReadOnlyList<GrowthDay> history, int nodes, DateTimeOffset now)
        {
            (_book, _setup, _phase, _history, _nodes, _now) = (book, setup, phase, history, Math.Max(1, nodes), now);
            DateTimeOffset today = GrowthHistory.DayOf(now);
            _recent = [.. history.Where(day => day.At > today.AddDays(-book.History.DaysOfLevel))];

            // Today is not over: it would look like a fall.
            _whole = [.. history.Where(day => day.At < today && day.At >= today.AddDays(-book.History.DaysOfTrend))];
            HasForecast = _whole.Count >= book.History.DaysMin;
        }

        public bool HasForecast { get; }

        // What was measured last: a day may lack it.
        private double DataBytes => _history.LastOrDefault(day => day.Sample.DataBytes is not null)?.Sample.DataBytes ?? 0;

        private double DiskBytes => _history.LastOrDefault(day => day.Sample.DiskBytes is not null)?.Sample.DiskBytes ?? 0;

        public LimitReport ReportOf(LimitKind limit)
        {
            double max = _phase.Limits[limit];

            // What is stored only grows and shrinks by being removed: there the last day counts and not the fullest.
            double? value = limit is LimitKind.Disk or LimitKind.Database
                ? _recent.Select(day => LimitReader.Read(limit, day.Sample, _setup.Shards)).LastOrDefault(one => one is not null)
                : _recent.Max(day => LimitReader.Read(limit, day.Sample, _setup.Shards));
            LimitReport report = new(limit, value, max, value / max);
            if (value is not { } level || !HasForecast || !LimitReader.GrowsEvenly(limit) || FitTrend(limit) is not { } trend)
            {
                return report;
            }

            return report with
            {
                PerDay = trend.PerDay,
                ReachedOn = On(level, max, trend.PerDay),
                Earliest = On(level, max, trend.High),
                Latest = On(level, max, trend.Low),
            };
        }

        /// <summary>It is over, or near, or will surely be reached soon.</summary>
        public bool IsDue(LimitReport limit)
        {
            bool isNear = limit.Share >= _book.History.WarnShare;
            bool isSoon = limit is { ReachedOn: { } on, Latest: not null } && on <= Today.AddDays(_book.History.DaysAhead);
            return isNear || isSoon;
        }

        public Advice AdviceOn(LimitKind limit) => _phase.Remedies[limit] switch
        {
            Remedy.Phase => Enter(_phase.Number + 1, AdviceKind.NextPhase, limit),
            Remedy.Node => Make(AdviceKind.AddNode, limit, _phase, _book.Remedies.Node, Cost(_phase, _nodes + 1, _setup.Shards)),
            Remedy.Shard => Make(AdviceKind.AddShard, limit, _phase, _book.Remedies.Shard, Cost(_phase, _nodes, _setup.Shards + 1)),

            // Half as much again, so that it lasts for a while.
            _ => Make(AdviceKind.LargerDisk, limit, _phase, _book.Remedies.Disk, CostNow + (DiskBytes * 0.5 / (1L << 30) * _book.Prices.DiskPerGiBMonth)),
        };

        public Advice Enter(int number, AdviceKind kind, LimitKind? because)
        {
            Phase phase = _book.PhaseOf(number);
            bool isUp = number > _phase.Number;
            int nodes = isUp ? Math.Max(_nodes, phase.Machines.Nodes) : Math.Min(_nodes, phase.Number == 1 ? 1 : int.MaxValue);
            int shards = isUp ? Math.Max(_setup.Shards, phase.Machines.Shards) : Math.Min(_setup.Shards, phase.Number <= 2 ? 1 : int.MaxValue);
            return Make(kind, because, phase, (isUp ? phase.Enter : phase.Return)!, Cost(phase, nodes, shards));
        }

        public Advice Stay() => new(AdviceKind.Stay, null, _phase.Number, null, [], CostNow, CostNow, _book.Prices.Currency);

        /// <summary>The phase before, or a node less, held even the busiest of the last weeks easily, and nothing says that it will not.</summary>
        public Advice? Less()
        {
            DateTimeOffset since = GrowthHistory.DayOf(_now).AddDays(-_book.History.ShrinkDays);
            GrowthDay[] days = [.. _history.Where(day => day.At >= since)];
            if (days.Length < _book.History.ShrinkDays)
            {
                return null;
            }

            if (_phase.Number > 1 && _book.PhaseOf(_phase.Number - 1) is var before && days.All(day => Fits(day.Sample, before, NodesOf(before), before.Number <= 2 ? 1 : _setup.Shards)))
            {
                return Enter(before.Number, AdviceKind.PreviousPhase, null);
            }

            return _nodes > _phase.Machines.Nodes && days.All(day => Fits(day.Sample, _phase, _nodes - 1, _setup.Shards))
                ? Make(AdviceKind.RemoveNode, null, _phase, _book.Remedies.LessNodes, Cost(_phase, _nodes - 1, _setup.Shards))
                : null;
        }

        private int NodesOf(Phase before) => before.Number == 1 ? 1 : _nodes;

        /// <summary>Whether so many nodes and shards of a phase hold a day, and with how much room the book wants. Its memory is counted by connections: what a process keeps says little of what it needs.</summary>
        private bool Fits(GrowthSample day, Phase phase, int nodes, int shards)
        {
            double processorsOfNode = _book.Prices.InstanceOf(phase.Machines.Node).Processors;
            return Under(LimitKind.Users, day.Users)
                && Under(LimitKind.Connections, (double)day.Connections / nodes)
                && Under(LimitKind.Sends, day.SendsPerSecond / shards)
                && Under(LimitKind.Processors, day.ProcessorsUsed / nodes / processorsOfNode)
                && Under(LimitKind.Queue, day.QueueShare)
                && Under(LimitKind.Database, (day.DataBytes ?? 0) / (double)(1L << 30) / shards)
                && Under(LimitKind.Latency, LimitReader.Read(LimitKind.Latency, day, shards) ?? 0);

            bool Under(LimitKind limit, double value) => !phase.Limits.TryGetValue(limit, out double max) || value < max * _book.History.ShrinkShare;
        }

        private Trend? FitTrend(LimitKind limit)
        {
            List<(int Day, double Value)> points = [];
            foreach (GrowthDay day in _whole)
            {
                if (LimitReader.Read(limit, day.Sample, _setup.Shards) is { } value)
                {
                    points.Add(((int)(day.At - DateTimeOffset.UnixEpoch).TotalDays, value));
                }
            }

            return points.Count >= _book.History.DaysMin ? Trend.Fit(points) : null;
        }

        private DateOnly Today => DateOnly.FromDateTime(_now.UtcDateTime);

        /// <returns>Null: never, or so late that nobody can know.</returns>
        private DateOnly? On(double level, double max, double perDay)
        {
            if (level >= max)
            {
                return Today;
            }

            double wait = perDay > 0 ? Math.Ceiling(((max - level) / perDay) - Rounding) : double.PositiveInfinity;
            return wait <= HorizonDays ? Today.AddDays((int)wait) : null;
        }

        private double CostNow => Cost(_phase, _nodes, _setup.Shards);

        private double Cost(Phase phase, int nodes, int shards) => Bill.PerMonth(_book, phase, nodes, shards, DataBytes);

        private Advice Make(AdviceKind kind, LimitKind? because, Phase phase, Checklist list, double then) => new(
            kind, because, phase.Number, list.Command?.Replace("{shard}", _setup.Shards.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal), list.Steps, CostNow, then,
            _book.Prices.Currency);
    }
}
