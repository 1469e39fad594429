using Monstera.Data.Growth;

namespace Monstera.Tests.Data.Growth;

/// <summary>What every provider keeps of the history of growth.</summary>
public abstract class GrowthLogContract : IDisposable
{
    private static readonly DateTimeOffset Now = new(2026, 11, 21, 10, 0, 0, TimeSpan.Zero);

    private static readonly GrowthSample Full = new()
    {
        Nodes = 2, Connections = 31, ConnectionsOfBusiest = 20, Users = 17, Sends = 12_345_678_901, SendsPerSecond = 4.25, ProcessorsUsed = 0.75, Processors = 4, ProcessorShare = 0.25,
        MemoryBytes = 5_000_000_000, MemoryShare = 0.5, QueueShare = 0.125, WriteP95Ms = 3.5, DeliveryP95Ms = 1.25, DataBytes = 7_000_000_000, LargestDatabaseBytes = 6_000_000_000,
        DiskFreeBytes = 1, DiskBytes = 2,
    };

    protected abstract IGrowthLog Log { get; }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public abstract void Dispose();

    [Fact]
    public async Task What_was_written_is_read_by_time_then_node_from_the_given_time_on()
    {
        GrowthRow[] rows = [Hour("b", 0), Hour("a", 0), Hour("a", 1), Hour("a", -1), new(GrowthSpan.Day, "", Now, Full)];
        await Log.Write(rows, Cancel);
        Assert.Equal([Hour("a", 0), Hour("b", 0), Hour("a", 1)], await Log.Read(GrowthSpan.Hour, Now, Cancel));
        Assert.Equal([rows[4]], await Log.Read(GrowthSpan.Day, Now, Cancel));
        Assert.Empty(await Log.Read(GrowthSpan.Hour, Now.AddHours(2), Cancel));
    }

    [Fact]
    public async Task The_same_span_node_and_time_again_replaces()
    {
        await Log.Write([Hour("a", 0), Hour("b", 0)], Cancel);
        GrowthRow again = Hour("a", 0) with { Sample = new GrowthSample { Sends = 9 } };
        await Log.Write([Hour("a", 0), again], Cancel);
        Assert.Equal([again, Hour("b", 0)], await Log.Read(GrowthSpan.Hour, Now, Cancel));
        await Log.Write([], Cancel);
    }

    [Fact]
    public async Task What_began_before_is_forgotten_and_nothing_else()
    {
        await Log.Write([Hour("a", 0), Hour("a", 1), new(GrowthSpan.Day, "", Now.AddDays(-3), Full)], Cancel);
        await Log.Remove(GrowthSpan.Hour, Now.AddHours(1), Cancel);
        await Log.Remove(GrowthSpan.Hour, Now.AddHours(1), Cancel);
        Assert.Equal([Hour("a", 1)], await Log.Read(GrowthSpan.Hour, Now.AddDays(-9), Cancel));
        Assert.Single(await Log.Read(GrowthSpan.Day, Now.AddDays(-9), Cancel));
    }

    [Fact]
    public async Task Any_name_of_a_node_is_stored_long_ones_cut()
    {
        string hostile = "' OR 1=1; -- \0 葵 \"" + new string('x', 500);
        await Log.Write([Hour(hostile, 0)], Cancel);
        GrowthRow read = Assert.Single(await Log.Read(GrowthSpan.Hour, Now, Cancel));
        Assert.Equal(hostile.Replace("\0", "", StringComparison.Ordinal)[..IGrowthLog.NodeCharsMax], read.Node);
    }

    [Fact]
    public void A_sample_of_another_version_is_read_as_far_as_it_is_known()
    {
        Assert.Equal(new GrowthSample { Nodes = 0, Connections = 3 }, GrowthSample.Parse("""{"connections":3,"moods":["good"]}"""));
        Assert.Equal(Full, GrowthSample.Parse(Full.ToJson()));
        Assert.All(["", "{", "[]", "7", $$"""{"connections":"{{new string('x', 5_000)}}"}"""], text => Assert.Null(GrowthSample.Parse(text)));
        Assert.InRange(Full.ToJson().Length, 100, 1_000);
    }

    private static GrowthRow Hour(string node, int hour) => new(GrowthSpan.Hour, node, Now.AddHours(hour), Full with { Sends = Full.Sends + hour });
}
