namespace Monstera.Server.Metrics;

/// <summary>The answer to who may read the metrics.</summary>
internal static class MetricsAnswer
{
    public static async Task Write(HttpContext context, MeterCollector collector, MetricsMeter meter)
    {
        MetricsFormat format = MetricsFormats.Choose(context.Request.Headers.Accept);
        context.Response.ContentType = MetricsFormats.ContentTypeOf(format);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Vary = "Accept";
        meter.Measure(() => collector.Write(context.Response.BodyWriter, format));
        await context.Response.BodyWriter.FlushAsync(context.RequestAborted);
    }
}
