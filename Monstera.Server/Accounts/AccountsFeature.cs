using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Identity;

namespace Monstera.Server.Accounts;

/// <summary>Who calls, and how they get in: accounts, passwords, sessions, invitations.</summary>
public static class AccountsFeature
{
    public static IServiceCollection AddAccounts(this IServiceCollection services)
    {
        // The core only: the rest brings Data Protection, whose key ring on disk nothing here uses.
        services.AddAuthenticationCore(authentication =>
        {
            authentication.DefaultScheme = Authentication.SchemeName;
            authentication.AddScheme<Authentication>(Authentication.SchemeName, null);
        });
        services.AddWebEncoders();
        services.AddTransient<Authentication>();
        services.AddAuthorizationBuilder()
            .SetDefaultPolicy(new AuthorizationPolicyBuilder(Authentication.SchemeName).RequireAuthenticatedUser().Build());
        services.AddSingleton<IHttpContextFactory, QueryTokens>();

        services.Configure<PasswordHasherOptions>(hasher => hasher.IterationCount = Passwords.Iterations);
        services.AddSingleton<Passwords>();
        services.AddSingleton<SessionEndings>();
        services.AddSingleton<SessionCheck>();
        services.AddSingleton<SignIns>();
        services.AddSingleton<Workspace>();
        services.AddSingleton<AddressLimiter>();
        services.AddHostedService<SessionSweep>();
        return services;
    }

    /// <summary>Goes after routing and CORS, before endpoints: checks the origin, then finds out who calls and whether they may.</summary>
    public static IApplicationBuilder UseAccounts(this IApplicationBuilder app) =>
        app.UseMiddleware<OriginCheck>().UseAuthentication().UseAuthorization();

    /// <param name="api">The group of <see cref="Rest.RestFeature.MapApi"/>.</param>
    public static void MapAccounts(this RouteGroupBuilder api)
    {
        AccountsApi.Map(api);
        MeApi.Map(api);
        InvitesApi.Map(api);
        UsersApi.Map(api);
    }
}
