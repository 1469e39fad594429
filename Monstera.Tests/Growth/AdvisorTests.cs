using FsCheck;
using FsCheck.Fluent;
using Monstera.Data.Growth;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

/// <summary>The advisor's sums, on histories that are made up, with the file that is shipped.</summary>
public sealed class AdvisorTests
{
    private const long GiB = 1L << 30;

    private static readonly DateOnly Today = DateOnly.FromDateTime(MadeUp.Now.UtcDateTime);

    [Fact]
    public void Without_two_weeks_there_is_no_date_and_it_says_so()
    {
        GrowthReport report = MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(13, ago => new() { Users = 30 - ago }));
        Assert.False(report.HasForecast);
        Assert.Equal((14, 14), (report.HistoryDays, report.HistoryDaysWanted));
        Assert.All(report.Limits, limit => Assert.Null(limit.ReachedOn));
        Assert.Equal<(LimitKind?, AdviceKind)>((LimitKind.Users, AdviceKind.Stay), (report.First, report.Advice.Kind));
        Assert.True(MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(14, ago => new() { Users = 30 - ago })).HasForecast);
    }

    [Fact]
    public void Nothing_measured_is_no_limit_reached()
    {
        GrowthReport report = Advisor.Report(MadeUp.Book, MadeUp.Sqlite, [], [], MadeUp.Now);
        Assert.Equal<(LimitKind?, AdviceKind, int, int)>((null, AdviceKind.Stay, 0, 0), (report.First, report.Advice.Kind, report.Nodes, report.HistoryDays));
        Assert.All(report.Limits, limit => Assert.Null(limit.Value));
    }

    [Fact]
    public void The_day_on_which_a_growing_limit_is_reached_is_told()
    {
        // Half a person more each day, 29.5 yesterday: of 50 people, 41 days from there.
        GrowthReport report = MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(60, ago => new() { Users = 60 - ago, LargestDatabaseBytes = GiB }));
        LimitReport users = report.Of(LimitKind.Users);
        Assert.Equal<(double?, double, double?)>((59, 50, 1), (users.Value, users.Max, users.PerDay));
        Assert.Equal<DateOnly?>(Today, users.ReachedOn);

        report = MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(40, ago => new() { Users = (40 - ago) / 4 * 2, LargestDatabaseBytes = GiB }));
        users = report.Of(LimitKind.Users);
        Assert.Equal(18, users.Value!.Value);
        Assert.InRange(users.PerDay!.Value, 0.45, 0.55);
        Assert.InRange(users.ReachedOn!.Value.DayNumber - Today.DayNumber, 60, 70);
        Assert.True(users.Earliest <= users.ReachedOn && users.ReachedOn <= users.Latest, $"{users}");
        Assert.Equal<LimitKind?>(LimitKind.Users, report.First);
        Assert.Null(report.Of(LimitKind.Database).ReachedOn);
    }

    [Fact]
    public void What_is_reached_first_counts_not_what_stands_highest()
    {
        GrowthReport report = MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(30, ago => new() { Users = 30, DiskBytes = 100 * GiB, DiskFreeBytes = (50 + ago) * GiB }));
        Assert.Equal(0.6, report.Of(LimitKind.Users).Share!.Value, 6);
        Assert.Equal<LimitKind?>(LimitKind.Disk, report.First);

        // 51 % yesterday evening, 49 % used; a per cent a day; of 80 %.
        Assert.Equal(31, report.Of(LimitKind.Disk).ReachedOn!.Value.DayNumber - Today.DayNumber);
        Assert.Equal<(AdviceKind, LimitKind?, int)>((AdviceKind.LargerDisk, LimitKind.Disk, 1), (report.Advice.Kind, report.Advice.Because, report.Advice.Phase));
        Assert.True(report.Advice.PerMonthThen > report.Advice.PerMonthNow);
    }

    [Fact]
    public void A_limit_that_is_near_leads_to_the_next_phase_with_its_command_and_price()
    {
        GrowthReport report = MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(20, _ => new() { Users = 36 }));
        Assert.Equal<(AdviceKind, LimitKind?, int)>((AdviceKind.NextPhase, LimitKind.Users, 2), (report.Advice.Kind, report.Advice.Because, report.Advice.Phase));
        Assert.Equal("monstera move --from sqlite --to postgres --wait", report.Advice.Command);
        Assert.NotEmpty(report.Advice.Steps);
        Assert.Equal("USD", report.Advice.Currency);

        // One small machine; then two of them, two medium databases, Redis and a balancer.
        Assert.Equal<(double, double)>((30, 360), (report.Advice.PerMonthNow, report.Advice.PerMonthThen));
        Assert.Equal(AdviceKind.Stay, MadeUp.Report(MadeUp.Sqlite, MadeUp.Days(20, _ => new() { Users = 34 })).Advice.Kind);
    }

    [Theory]
    [InlineData(1, LimitKind.Queue, AdviceKind.NextPhase)]
    [InlineData(1, LimitKind.Latency, AdviceKind.NextPhase)]
    [InlineData(2, LimitKind.Processors, AdviceKind.AddNode)]
    [InlineData(2, LimitKind.Connections, AdviceKind.AddNode)]
    [InlineData(2, LimitKind.Database, AdviceKind.NextPhase)]
    [InlineData(3, LimitKind.Sends, AdviceKind.AddShard)]
    [InlineData(3, LimitKind.Users, AdviceKind.NextPhase)]
    [InlineData(4, LimitKind.Database, AdviceKind.AddShard)]
    [InlineData(4, LimitKind.Memory, AdviceKind.AddNode)]
    public void Each_limit_has_its_remedy(int phase, LimitKind limit, AdviceKind expected)
    {
        InstallationSetup setup = new[] { MadeUp.Sqlite, MadeUp.Postgres, MadeUp.Shards, MadeUp.Replicas }[phase - 1];
        double max = MadeUp.Book.PhaseOf(phase).Limits[limit];
        GrowthSample sample = limit switch
        {
            LimitKind.Users => new() { Users = (int)max },
            LimitKind.Connections => new() { ConnectionsOfBusiest = (int)max },
            LimitKind.Sends => new() { SendsPerSecond = max * setup.Shards },
            LimitKind.Queue => new() { QueueShare = max },
            LimitKind.Processors => new() { ProcessorShare = max },
            LimitKind.Memory => new() { MemoryShare = max },
            LimitKind.Database => new() { LargestDatabaseBytes = (long)(max * GiB) },
            _ => new() { WriteP95Ms = max / 2, DeliveryP95Ms = max / 2 },
        };
        GrowthReport report = MadeUp.Report(setup, MadeUp.Days(3, _ => sample), nodes: 3);
        Assert.Equal<(int, LimitKind?, AdviceKind)>((phase, limit, expected), (report.Phase, report.First, report.Advice.Kind));
        Assert.Equal(1, report.Of(limit).Share!.Value, 6);
        Assert.NotEmpty(report.Advice.Steps);
        if (expected == AdviceKind.AddShard)
        {
            Assert.Equal("monstera shards add 2", report.Advice.Command);
        }
    }

    [Fact]
    public void Less_is_advised_after_a_month_that_the_phase_before_would_have_held_easily()
    {
        GrowthSample quiet = new() { Users = 12, Connections = 20, SendsPerSecond = 3, ProcessorsUsed = 0.1, DataBytes = GiB };
        GrowthReport report = MadeUp.Report(MadeUp.Postgres, MadeUp.Days(30, _ => quiet), nodes: 2);
        Assert.Equal<(AdviceKind, int, string?)>((AdviceKind.PreviousPhase, 1, "monstera move --from postgres --to sqlite --wait"), (report.Advice.Kind, report.Advice.Phase, report.Advice.Command));
        Assert.True(report.Advice.PerMonthThen < report.Advice.PerMonthNow);

        // Not after a shorter time, and not when one of the days was busy.
        Assert.Equal(AdviceKind.Stay, MadeUp.Report(MadeUp.Postgres, MadeUp.Days(28, _ => quiet), nodes: 2).Advice.Kind);
        Assert.Equal(AdviceKind.Stay, MadeUp.Report(MadeUp.Postgres, MadeUp.Days(30, ago => ago == 17 ? quiet with { Users = 26 } : quiet), nodes: 2).Advice.Kind);
    }

    [Fact]
    public void One_node_less_is_advised_when_the_others_would_hold_it_easily()
    {
        GrowthSample fair = new() { Users = 60, Connections = 2_900, ConnectionsOfBusiest = 800, SendsPerSecond = 20, ProcessorsUsed = 0.9, DataBytes = GiB };
        Assert.Equal(AdviceKind.RemoveNode, MadeUp.Report(MadeUp.Postgres, MadeUp.Days(30, _ => fair), nodes: 4).Advice.Kind);

        // Two are what the phase has at least; and with three quarters of the connections on the others they would be half full.
        Assert.Equal(AdviceKind.Stay, MadeUp.Report(MadeUp.Postgres, MadeUp.Days(30, _ => fair), nodes: 2).Advice.Kind);
        Assert.Equal(AdviceKind.Stay, MadeUp.Report(MadeUp.Postgres, MadeUp.Days(30, _ => fair with { Connections = 4_600 }), nodes: 4).Advice.Kind);
    }

    [Fact]
    public void What_a_phase_has_and_this_installation_has_not_is_told()
    {
        Assert.Equal([Lack.Nodes], MadeUp.Report(MadeUp.Postgres, []).Lacks);
        Assert.Equal([Lack.Backplane, Lack.Nodes], MadeUp.Report(MadeUp.Postgres with { Backplane = Monstera.Server.Configuration.BackplaneProvider.Memory }, []).Lacks);
        Assert.Empty(MadeUp.Report(MadeUp.Postgres, [], nodes: 2).Lacks);
        Assert.Empty(MadeUp.Report(MadeUp.Sqlite, []).Lacks);
    }

    [Fact]
    public void Whatever_the_history_the_report_holds_together()
    {
        Prop.ForAll(
            (from phase in Gen.Choose(1, 4)
             from days in Gen.Choose(0, 60)
             from users in Gen.Choose(0, 400)
             from slope in Gen.Choose(-50, 50)
             from database in Gen.Choose(0, 300)
             from nodes in Gen.Choose(0, 4)
             select (phase, days, users, slope, database, nodes)).ToArbitrary(),
            given =>
            {
                InstallationSetup setup = new[] { MadeUp.Sqlite, MadeUp.Postgres, MadeUp.Shards, MadeUp.Replicas }[given.phase - 1];
                List<GrowthRow> history = MadeUp.Days(given.days, ago => new()
                {
                    Users = Math.Max(0, given.users - (given.slope * ago / 10)),
                    LargestDatabaseBytes = given.database * GiB,
                    DataBytes = given.database * GiB,
                });
                GrowthReport report = MadeUp.Report(setup, history, given.nodes, new());
                bool datesAreInOrder = report.Limits.All(limit => limit.ReachedOn is not { } on || (on >= Today && (limit.Earliest ?? on) <= on && on <= (limit.Latest ?? on)));
                bool firstIsFirst = report.First is not { } first || report.Limits.All(other => other.Share is null || !(other.ReachedOn < (report.Of(first).ReachedOn ?? DateOnly.MaxValue)) || report.Of(first).Share >= 1);
                bool lessCostsLess = report.Advice.Kind is not (AdviceKind.PreviousPhase or AdviceKind.RemoveNode) || report.Advice.PerMonthThen < report.Advice.PerMonthNow;
                bool overIsSaid = report.Limits.All(limit => !(limit.Share >= 1)) || report.Advice.Kind is not (AdviceKind.Stay or AdviceKind.PreviousPhase or AdviceKind.RemoveNode);
                return datesAreInOrder && firstIsFirst && lessCostsLess && overIsSaid && (report.HasForecast || report.Limits.All(limit => limit.PerDay is null));
            }).Check(Config.QuickThrowOnFailure.WithMaxTest(300));
    }
}
