namespace Monstera.Server.Accounts;

/// <summary>Which of the two languages that the server itself speaks to people, English and Japanese, a browser asks for first.</summary>
internal static class Language
{
    public static bool PrefersJapanese(HttpRequest request)
    {
        IEnumerable<string?> wanted = request.GetTypedHeaders().AcceptLanguage
            .OrderByDescending(language => language.Quality ?? 1)
            .Select(language => language.Value.Value?.Split('-')[0].ToLowerInvariant());
        return wanted.FirstOrDefault(language => language is "ja" or "en") == "ja";
    }
}
