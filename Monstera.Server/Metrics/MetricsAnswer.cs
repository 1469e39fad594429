using System.Buffers;

namespace Monstera.Server.Metrics;

/// <summary>The answer to who may read the metrics.</summary>
internal static class MetricsAnswer
{
    private const int BodyBytes = 128 * 1024;

    public static async Task Write(HttpContext context, MeterCollector collector, MetricsMeter meter)
    {
        MetricsFormat format = MetricsFormats.Choose(context.Request.Headers.Accept);
        context.Response.ContentType = MetricsFormats.ContentTypeOf(format);
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.Vary = "Accept";
        if (HttpMethods.IsHead(context.Request.Method))
        {
            return;
        }

        // Gathered first, so that what goes wrong is an error and not half an answer. (The response's own writer gives no room at all when a piece of it is just full.)
        ArrayBufferWriter<byte> body = new(BodyBytes);
        meter.Measure(() => collector.Write(body, format));
        context.Response.ContentLength = body.WrittenCount;
        await context.Response.Body.WriteAsync(body.WrittenMemory, context.RequestAborted);
    }
}
