using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Monstera.Bench.Baseline;

/// <summary>The process that the server is compared with: SignalR as the template has it.</summary>
internal static class BaselineHost
{
    public static async Task<int> Run(string urls, CancellationToken cancel)
    {
        WebApplicationBuilder builder = WebApplication.CreateBuilder(["--urls", urls]);

        // As in the template's appsettings.json; the lifetime's line tells the address.
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        builder.Services.AddSignalR();
        await using WebApplication app = builder.Build();
        app.MapHub<PlainHub>("/hub");
        await ((IHost)app).RunAsync(cancel);
        return 0;
    }
}
