using System.Globalization;
using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Monstera.Data;

/// <summary>One step of a schema: an embedded file <c>0001_name.sql</c>. Once released, never edited: only appended to by further files.</summary>
internal sealed partial record Migration(int Version, string Name, string Script)
{
    /// <summary>SHA-256 of the script with line feeds, so that a checkout's line ends do not matter.</summary>
    public string Checksum { get; } =
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Script.Replace("\r\n", "\n", StringComparison.Ordinal))));

    /// <summary>The oldest schema version that a binary may know and live with the step of this name; 0: any.</summary>
    public static int Needs(string name) => NeedsSuffix().Match(name) is { Success: true } match ? int.Parse(match.ValueSpan[^4..], NumberStyles.None, CultureInfo.InvariantCulture) : 0;

    /// <summary>Those of this binary whose resources begin with <paramref name="prefix"/>, in order.</summary>
    public static IReadOnlyList<Migration> Load(string prefix)
    {
        Assembly assembly = typeof(Migration).Assembly;
        List<Migration> migrations = [];
        foreach (string resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!, Encoding.UTF8);
            string name = resource[prefix.Length..];
            migrations.Add(new Migration(int.Parse(name.AsSpan(0, 4), NumberStyles.None, CultureInfo.InvariantCulture), name, reader.ReadToEnd()));
        }

        return migrations;
    }

    /// <summary>
    /// Refuses what was made by scripts that differ, and what is newer than <paramref name="known"/> unless it is to be served and every further step only adds: those take nothing away from this
    /// binary, so that a release can be gone back from and nodes can be upgraded one by one. A step that takes something away says in its name since which schema version nothing reads that:
    /// <c>0009_drop_mood_needs_0007</c>.
    /// </summary>
    /// <param name="place">What has the schema, for the message.</param>
    /// <param name="toServe">False: whoever copies must know all that there is, or leaves it behind.</param>
    /// <exception cref="StorageRefusedException">It is.</exception>
    public static void Refuse(List<(int Version, string Name, string Checksum)> applied, IReadOnlyList<Migration> known, string place, bool toServe)
    {
        int newest = known.Count == 0 ? 0 : known[^1].Version;
        if (applied.Any(one => one.Version > newest && (!toServe || Needs(one.Name) > newest)))
        {
            throw new StorageRefusedException(
                $"The {place} has schema version {applied[^1].Version}, and this server knows versions up to {newest}. Start the newer server that made it, or restore a backup from before the upgrade.");
        }

        for (int i = 0; i < Math.Min(applied.Count, known.Count); i++)
        {
            if (applied[i].Version != known[i].Version || applied[i].Checksum != known[i].Checksum)
            {
                throw new StorageRefusedException(
                    $"Schema version {applied[i].Version} ({applied[i].Name}) of the {place} differs from {known[i].Name} of this server: a migration was edited after its release. Start the server that made the database.");
            }
        }
    }

    [GeneratedRegex("_needs_[0-9]{4}$", RegexOptions.None, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex NeedsSuffix();
}
