using Monstera.Server.Metrics;

namespace Monstera.Tests.Metrics;

/// <summary>Instruments come out under the names under which OpenTelemetry's users know them.</summary>
public sealed class MetricNameTests
{
    [Theory]
    [InlineData("http.server.request.duration", "s", MetricKind.Histogram, "http_server_request_duration_seconds")]
    [InlineData("kestrel.active_connections", "{connection}", MetricKind.Gauge, "kestrel_active_connections")]
    [InlineData("dotnet.gc.collections", "{collection}", MetricKind.Counter, "dotnet_gc_collections_total")]
    [InlineData("dotnet.process.cpu.time", "s", MetricKind.Counter, "dotnet_process_cpu_time_seconds_total")]
    [InlineData("dotnet.process.memory.working_set", "By", MetricKind.Gauge, "dotnet_process_memory_working_set_bytes")]
    [InlineData("db_replication_lag_seconds", "s", MetricKind.Gauge, "db_replication_lag_seconds")]
    [InlineData("backplane_bytes", "By", MetricKind.Counter, "backplane_bytes_total")]
    [InlineData("cache_hits_total", null, MetricKind.Counter, "cache_hits_total")]
    [InlineData("db_history_reads", "{read}", MetricKind.Counter, "db_history_reads_total")]
    [InlineData("disk.use", "1", MetricKind.Gauge, "disk_use_ratio")]
    [InlineData("disk.use", "1", MetricKind.Counter, "disk_use_total")]
    [InlineData("speed", "By/s", MetricKind.Gauge, "speed_bytes_per_second")]
    [InlineData("speed", "{call}/s", MetricKind.Gauge, "speed_per_second")]
    [InlineData("9 lives -- of a:cat", null, MetricKind.Gauge, "_9_lives_of_a:cat")]
    [InlineData("", null, MetricKind.Gauge, "_")]
    public void An_instrument_is_called(string name, string? unit, MetricKind kind, string expected) => Assert.Equal(expected, MetricName.Of(name, unit, kind).Full);

    [Theory]
    [InlineData(null, MetricsFormat.Text)]
    [InlineData("", MetricsFormat.Text)]
    [InlineData("*/*", MetricsFormat.Text)]
    [InlineData("text/plain", MetricsFormat.Text)]
    [InlineData("text/html,application/xhtml+xml;q=0.9", MetricsFormat.Text)]
    [InlineData("application/openmetrics-text", MetricsFormat.OpenMetrics)]
    [InlineData("Application/OpenMetrics-Text; version=\"1.0.0\"; charset=utf-8", MetricsFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;version=0.0.1", MetricsFormat.Text)]
    [InlineData("application/openmetrics-text;version=1.0.0;q=0", MetricsFormat.Text)]
    [InlineData("application/*", MetricsFormat.OpenMetrics)]
    [InlineData("*/*;q=0.9,text/plain;q=0.1", MetricsFormat.OpenMetrics)]
    [InlineData("application/openmetrics-text;q=0.5,text/plain;version=0.0.4;q=0.6", MetricsFormat.Text)]
    [InlineData("application/openmetrics-text;q=0.5,text/plain;q=0.5", MetricsFormat.Text)]
    [InlineData("application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1", MetricsFormat.OpenMetrics)]
    [InlineData(
        "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        MetricsFormat.OpenMetrics)]
    [InlineData("rubbish;;;,,q=", MetricsFormat.Text)]
    public void The_format_is_what_the_caller_likes_better(string? accept, MetricsFormat expected) => Assert.Equal(expected, MetricsFormats.Choose([accept]));
}
