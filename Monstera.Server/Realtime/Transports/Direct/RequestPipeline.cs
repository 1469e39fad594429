using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http.Features;

namespace Monstera.Server.Realtime.Transports.Direct;

/// <summary>The application's middleware, for requests that did not come through the HTTP server's own parser. There from the server's start on.</summary>
internal sealed class RequestPipeline
{
    private Func<IFeatureCollection, Task>? _run;

    /// <summary>The addresses that the server listens at, once it does.</summary>
    public IServerAddressesFeature? Addresses { get; private set; }

    /// <summary>Runs a request through all middleware and ends it.</summary>
    public Task Run(IFeatureCollection features) =>
        (_run ?? throw new InvalidOperationException("The server has not started.")).Invoke(features);

    internal void Use<TContext>(IHttpApplication<TContext> application, IFeatureCollection server)
        where TContext : notnull
    {
        Addresses = server.Get<IServerAddressesFeature>();
        _run = async features =>
        {
            TContext context = application.CreateContext(features);
            try
            {
                await application.ProcessRequestAsync(context);
            }
            catch (Exception e)
            {
                application.DisposeContext(context, e);
                throw;
            }

            application.DisposeContext(context, null);
        };
    }
}

/// <summary>The HTTP server as it is; tells <see cref="RequestPipeline"/> of the application when it starts.</summary>
internal sealed class PipelineSharingServer(IServer server, RequestPipeline pipeline) : IServer
{
    public IFeatureCollection Features => server.Features;

    public Task StartAsync<TContext>(IHttpApplication<TContext> application, CancellationToken cancellationToken)
        where TContext : notnull
    {
        pipeline.Use(application, server.Features);
        return server.StartAsync(application, cancellationToken);
    }

    public Task StopAsync(CancellationToken cancellationToken) => server.StopAsync(cancellationToken);

    public void Dispose() => server.Dispose();
}
