using Monstera.Server.Configuration;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Monstera.Server.Tracing;

/// <summary>From the sources of spans to the collector. The only place that needs OpenTelemetry: without an address for traces nobody comes here, and it is not loaded.</summary>
/// <remarks>What waits for the collector is bounded (2,048 spans, <c>OTEL_BSP_MAX_QUEUE_SIZE</c>), and what comes on top is dropped: nobody waits for it.</remarks>
internal sealed class TracePipeline : IDisposable
{
    private const string HttpPath = "v1/traces";

    /// <summary>How long the last spans may take when the server stops.</summary>
    private const int FarewellMs = 2_000;

    private readonly TracerProvider _provider;

    public TracePipeline(TracingOptions options, string node, string version)
    {
        _provider = Sdk.CreateTracerProviderBuilder()
            .ConfigureServices(services => services.AddSingleton(Variables()))
            .ConfigureResource(resource => resource.AddService("monstera", serviceVersion: version, serviceInstanceId: node))
            .SetSampler(new ParentBasedSampler(new RootSampler(options.SampleRatio)))
            .AddSource(Spans.SourceName, "Microsoft.AspNetCore", "Npgsql")
            .AddProcessor(new AllowedTags())
            .AddOtlpExporter(otlp =>
            {
                bool isHttp = options.Protocol == TracingOptions.HttpProtobuf;
                otlp.Protocol = isHttp ? OtlpExportProtocol.HttpProtobuf : OtlpExportProtocol.Grpc;
                otlp.Endpoint = isHttp ? HttpAddress(options.Endpoint) : new Uri(options.Endpoint);
            })
            .Build();
    }

    public void Dispose()
    {
        _provider.Shutdown(FarewellMs);
        _provider.Dispose();
    }

    /// <summary>The receiver's address is that of all kinds of telemetry; traces have a path of their own below it.</summary>
    private static Uri HttpAddress(string endpoint) =>
        new(endpoint.EndsWith("/" + HttpPath, StringComparison.Ordinal) ? endpoint : endpoint.TrimEnd('/') + "/" + HttpPath);

    /// <summary>OpenTelemetry's variables, from the environment, but for those that are not up to it.</summary>
    private static IConfiguration Variables() => new ConfigurationBuilder()
        .AddInMemoryCollection([new("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "256")])
        .AddEnvironmentVariables()
        .AddInMemoryCollection([new("OTEL_SPAN_EVENT_COUNT_LIMIT", "0")])
        .Build();
}
