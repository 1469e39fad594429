namespace Monstera.Server.Hosting;

internal static class HostedServices
{
    /// <summary>Adds a part that others use and that also runs in the background.</summary>
    public static void AddHosted<T>(this IServiceCollection services)
        where T : class, IHostedService
    {
        services.AddSingleton<T>();
        services.AddHostedService(provider => provider.GetRequiredService<T>());
    }
}
