namespace Monstera.Server.Backplane;

/// <summary>What joins the nodes.</summary>
public static class BackplaneFeature
{
    public static IServiceCollection AddMemoryBackplane(this IServiceCollection services) =>
        services.AddSingleton<MemoryBackplaneWire>().AddSingleton<IBackplane, MemoryBackplane>();
}
