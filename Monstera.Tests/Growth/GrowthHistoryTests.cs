using Monstera.Data.Growth;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

public sealed class GrowthHistoryTests
{
    private static readonly DateTimeOffset Day = GrowthHistory.DayOf(MadeUp.Now);

    [Fact]
    public void Nodes_of_an_hour_add_up_and_the_worst_of_them_counts()
    {
        GrowthSample small = new() { Connections = 10, Users = 8, Sends = 100, SendsPerSecond = 2, ProcessorsUsed = 0.5, Processors = 2, ProcessorShare = 0.25, MemoryBytes = 5, MemoryShare = 0.1, DataBytes = 70, DiskFreeBytes = 9, DiskBytes = 20 };
        GrowthSample busy = new() { Connections = 30, Users = 20, Sends = 900, SendsPerSecond = 7, ProcessorsUsed = 1.5, Processors = 2, ProcessorShare = 0.75, MemoryBytes = 8, MemoryShare = 0.6, QueueShare = 0.3, WriteP95Ms = 12, DataBytes = 71, DiskFreeBytes = 4, DiskBytes = 10 };
        GrowthSample both = GrowthHistory.Together([small, busy]);
        Assert.Equal((2, 40, 30, 28, 1_000L, 9.0), (both.Nodes, both.Connections, both.ConnectionsOfBusiest, both.Users, both.Sends, both.SendsPerSecond));
        Assert.Equal((2.0, 4.0, 0.75, 13L, 0.6, 0.3, 12.0), (both.ProcessorsUsed, both.Processors, both.ProcessorShare, both.MemoryBytes, both.MemoryShare, both.QueueShare, both.WriteP95Ms!.Value));
        Assert.Equal<(long?, long?, long?)>((71, 4, 10), (both.DataBytes, both.DiskFreeBytes, both.DiskBytes));
    }

    [Fact]
    public void A_day_is_its_busiest_hour_all_its_sends_and_what_was_stored_at_its_end()
    {
        GrowthRow[] hours =
        [
            Hour(0, "a", new() { Connections = 50, Sends = 10, DataBytes = 5, DiskFreeBytes = 90, DiskBytes = 100 }),
            Hour(1, "a", new() { Connections = 30, Sends = 20, DataBytes = 6, DiskFreeBytes = 80, DiskBytes = 100 }),
            Hour(1, "b", new() { Connections = 40, Sends = 5 }),
            Hour(24, "a", new() { Connections = 1 }),
        ];
        IReadOnlyList<GrowthDay> days = GrowthHistory.Days(hours, []);
        Assert.Equal([Day, Day.AddDays(1)], days.Select(day => day.At));
        GrowthSample first = days[0].Sample;
        Assert.Equal<(int, int, long, int, long?, long?)>((70, 50, 35, 2, 6, 80), (first.Connections, first.ConnectionsOfBusiest, first.Sends, first.Nodes, first.DataBytes, first.DiskFreeBytes));
    }

    [Fact]
    public void A_day_of_which_hours_are_forgotten_is_still_as_busy_as_it_was()
    {
        GrowthRow kept = new(GrowthSpan.Day, "", Day, new() { Connections = 100, Sends = 500 });
        IReadOnlyList<GrowthDay> days = GrowthHistory.Days([Hour(23, "a", new() { Connections = 7, Sends = 9 })], [kept]);
        Assert.Equal((100, 500L), (days.Single().Sample.Connections, days.Single().Sample.Sends));
    }

    [Fact]
    public void Nodes_are_those_of_the_last_two_hours()
    {
        DateTimeOffset now = Day.AddHours(10.5);
        GrowthRow[] rows = [Hour(8, "gone", new()), Hour(9, "slow", new()), Hour(9, "here", new()), Hour(10, "here", new())];
        Assert.Equal(2, GrowthHistory.NodesAt(rows, now));
        Assert.Equal(0, GrowthHistory.NodesAt(rows, now.AddDays(1)));
    }

    private static GrowthRow Hour(int hour, string node, GrowthSample sample) => new(GrowthSpan.Hour, node, Day.AddHours(hour), sample);
}
