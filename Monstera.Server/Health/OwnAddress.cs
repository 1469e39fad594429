namespace Monstera.Server.Health;

/// <summary>Where a server with certain settings is asked by its own machine.</summary>
internal static class OwnAddress
{
    /// <summary>The first address of plain HTTP, or else the first one. As for the server itself, endpoints of Kestrel count before addresses, and addresses before ports.</summary>
    public static Uri Of(IConfiguration settings)
    {
        IEnumerable<string> endpoints = settings.GetSection("Kestrel:Endpoints").GetChildren().Select(endpoint => endpoint["Url"]).OfType<string>();
        Uri[] found =
        [
            .. (First(endpoints) ?? First(Parts(settings["urls"])) ?? First(
                    [.. Parts(settings["http_ports"]).Select(port => $"http://*:{port}"), .. Parts(settings["https_ports"]).Select(port => $"https://*:{port}")]) ?? [MonsteraApplication.DefaultUrl])
                .Select(TryParse).OfType<Uri>().OrderBy(address => address.Scheme, StringComparer.Ordinal),
        ];
        return found.Length > 0 ? found[0] : new Uri(MonsteraApplication.DefaultUrl);
    }

    /// <summary>An address as the server is told it: a host that stands for all (<c>*</c>, <c>+</c>, <c>0.0.0.0</c>, <c>[::]</c>) is this machine.</summary>
    /// <returns>Null: it is none.</returns>
    public static Uri? TryParse(string text)
    {
        string concrete = text.Trim().Replace("://*", "://localhost", StringComparison.Ordinal).Replace("://+", "://localhost", StringComparison.Ordinal);
        if (!Uri.TryCreate(concrete, UriKind.Absolute, out Uri? address) || (address.Scheme != Uri.UriSchemeHttp && address.Scheme != Uri.UriSchemeHttps))
        {
            return null;
        }

        return address.Host is "0.0.0.0" or "[::]" ? new UriBuilder(address) { Host = "localhost" }.Uri : address;
    }

    private static string[]? First(IEnumerable<string> some) => some.ToArray() is { Length: > 0 } there ? there : null;

    private static string[] Parts(string? list) => (list ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
