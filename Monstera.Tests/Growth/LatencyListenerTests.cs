using System.Diagnostics.Metrics;
using Microsoft.Extensions.DependencyInjection;
using Monstera.Server.Growth;

namespace Monstera.Tests.Growth;

public sealed class LatencyListenerTests
{
    [Fact]
    public void The_p95_of_what_the_server_measures_of_writes_and_deliveries_is_known()
    {
        using ServiceProvider services = new ServiceCollection().AddMetrics().BuildServiceProvider();
        using ServiceProvider others = new ServiceCollection().AddMetrics().BuildServiceProvider();
        IMeterFactory meters = services.GetRequiredService<IMeterFactory>();
        using LatencyListener listener = new(meters);
        Histogram<double> writes = meters.Create("Monstera.Rooms").CreateHistogram<double>("write_duration_seconds", "s");
        Histogram<double> deliveries = meters.Create("Monstera.Realtime").CreateHistogram<double>("delivery_latency", "s");
        Histogram<double> elsewhere = others.GetRequiredService<IMeterFactory>().Create("Monstera.Rooms").CreateHistogram<double>("write_duration_seconds", "s");
        Assert.Null(listener.Writes.Percentile(95));
        for (int i = 0; i < 8_000; i++)
        {
            // 1 to 100 ms, in an order in which one of eight has all of them.
            writes.Record((1 + (i * 37 % 100)) / 1000.0);
            deliveries.Record(0.000_001);
            elsewhere.Record(50);
        }

        Assert.InRange(listener.Writes.Percentile(95)!.Value, 90, 112);
        Assert.InRange(listener.Writes.Percentile(50)!.Value, 45, 60);
        Assert.InRange(listener.Deliveries.Percentile(95)!.Value, 0, 0.1);
        deliveries.Record(double.MaxValue);
        listener.Writes.Clear();
        Assert.Null(listener.Writes.Percentile(95));
    }
}
