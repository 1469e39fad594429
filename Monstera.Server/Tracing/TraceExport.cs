using System.Runtime.CompilerServices;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;
using Monstera.Server.Nodes;

namespace Monstera.Server.Tracing;

/// <summary>Sends traces while the server runs, if it is told where to.</summary>
internal sealed class TraceExport(IOptions<MonsteraOptions> options, Node node) : IHostedService, IDisposable
{
    // Of this type lest anything of OpenTelemetry be loaded with this class.
    private IDisposable? _pipeline;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (options.Value.Tracing.Endpoint.Length > 0)
        {
            _pipeline = Build();
        }

        return Task.CompletedTask;
    }

    /// <summary>What has not been sent yet goes out, for two seconds at most.</summary>
    public Task StopAsync(CancellationToken cancellationToken) => _pipeline is null ? Task.CompletedTask : Task.Run(Dispose, CancellationToken.None);

    public void Dispose() => _pipeline?.Dispose();

    [MethodImpl(MethodImplOptions.NoInlining)]
    private TracePipeline Build() => new(options.Value.Tracing, node.Name, typeof(TraceExport).Assembly.GetName().Version?.ToString(3) ?? "");
}
