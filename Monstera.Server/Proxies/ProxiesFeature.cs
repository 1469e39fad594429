using Microsoft.AspNetCore.HttpOverrides;

namespace Monstera.Server.Proxies;

/// <summary>
/// Behind a balancer the request's address and scheme are the balancer's. What it says in <c>X-Forwarded-For</c> and <c>X-Forwarded-Proto</c> takes their place, from the last proxy back as far as
/// each is one of ours. The host is not taken from a header: balancers pass <c>Host</c> on.
/// </summary>
public static class ProxiesFeature
{
    public static IServiceCollection AddTrustedProxies(this IServiceCollection services)
    {
        services.AddSingleton<TrustedProxies>();

        // The framework's own switch (ASPNETCORE_FORWARDEDHEADERS_ENABLED) believes everybody: it counts for nothing here.
        services.AddOptions<ForwardedHeadersOptions>().PostConfigure<TrustedProxies>((headers, proxies) =>
        {
            headers.ForwardedHeaders = proxies.Networks.Count == 0 ? ForwardedHeaders.None : ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto;
            headers.ForwardLimit = null;
            headers.KnownProxies.Clear();
            headers.KnownIPNetworks.Clear();
            foreach (System.Net.IPNetwork network in proxies.Networks)
            {
                headers.KnownIPNetworks.Add(network);
            }
        });
        return services;
    }

    /// <summary>Goes before everything that asks for the address, the scheme or the origin.</summary>
    public static IApplicationBuilder UseTrustedProxies(this IApplicationBuilder app) => app.UseForwardedHeaders();
}
