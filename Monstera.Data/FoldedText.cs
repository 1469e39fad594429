using System.Text;

namespace Monstera.Data;

/// <summary>
/// The form in which names are compared and searched: NFKC (full-width and half-width, ligatures and composed letters become one) and lower case.
/// Stored beside the name by every provider, so that none depends on its database's own idea of case.
/// </summary>
public static class FoldedText
{
    public static string Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text.Normalize(NormalizationForm.FormKC).ToLowerInvariant().Normalize(NormalizationForm.FormKC);
    }
}
