namespace Monstera.Server.ConnectionTokens;

/// <summary>Signed tokens with which a host product brings its own users.</summary>
public static class ConnectionTokensFeature
{
    public static IServiceCollection AddConnectionTokens(this IServiceCollection services) => services.AddSingleton<ConnectionTokenVerifier>();
}
