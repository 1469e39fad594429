using System.Collections;
using System.Globalization;
using System.Text;
using Microsoft.Extensions.Configuration.EnvironmentVariables;
using Microsoft.Extensions.Configuration.Memory;
using Microsoft.Extensions.Options;

namespace Monstera.Server.Configuration;

/// <summary>
/// Settings whose value stands in a file that the environment names: <c>ConnectionStrings__Redis_FILE=/run/secrets/redis</c>, as Docker, Kubernetes and systemd hand out secrets, so that these are
/// neither in the environment nor on the command line. Read once, at start.
/// </summary>
/// <remarks>Messages name the variable and the file, never what is in it.</remarks>
public static class SecretFiles
{
    /// <summary>Far above any key or connection string; what is larger is some other file.</summary>
    public const int BytesMax = 65_536;

    private const string Suffix = "_FILE";

    /// <summary>Whose settings may be in files. Other programs have variables with this ending too, which are none of ours.</summary>
    private static readonly string[] Sections = ["ConnectionStrings__", "Monstera__", "Kestrel__"];

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Puts the values where the environment's are, over the files of settings and under the command line.</summary>
    /// <param name="environment">That of the process unless a test says otherwise.</param>
    /// <exception cref="OptionsValidationException">A file cannot be read, is empty, too large or no text, or the variable without the ending is set too.</exception>
    public static void AddSecretFiles(this ConfigurationManager configuration, IDictionary? environment = null)
    {
        ArgumentNullException.ThrowIfNull(configuration);
        Dictionary<string, string?> values = Read(environment ?? Environment.GetEnvironmentVariables());
        if (values.Count == 0)
        {
            return;
        }

        IList<IConfigurationSource> sources = configuration.Sources;
        int last = sources.Count - 1;
        while (last >= 0 && sources[last] is not EnvironmentVariablesConfigurationSource)
        {
            last--;
        }

        sources.Insert(last + 1, new MemoryConfigurationSource { InitialData = values });
    }

    /// <returns>The settings by key (<c>ConnectionStrings:Redis</c>).</returns>
    internal static Dictionary<string, string?> Read(IDictionary environment)
    {
        Dictionary<string, string?> values = new(StringComparer.OrdinalIgnoreCase);
        List<string> failures = [];
        foreach (DictionaryEntry variable in environment)
        {
            // An empty one counts as not set, as compose files make them.
            if (variable.Key is string name && IsOurs(name) && variable.Value is string { Length: > 0 } path)
            {
                string setting = name[..^Suffix.Length];
                if (environment[setting] is string { Length: > 0 })
                {
                    failures.Add($"{name} and {setting} are both set: give the value once.");
                }
                else if (Fault(path, out string value) is { } fault)
                {
                    failures.Add($"{name} is '{path}', and that file {fault}.");
                }
                else
                {
                    values[Key(setting)] = value;
                }

                // The variable itself is no setting: in a numbered list it would look like one.
                values[Key(name)] = null;
            }
        }

        return failures.Count == 0 ? values : throw new OptionsValidationException("Environment", typeof(SecretFiles), failures.Order(StringComparer.Ordinal));
    }

    private static bool IsOurs(string name) =>
        name.EndsWith(Suffix, StringComparison.Ordinal) && Sections.Any(section => name.Length > section.Length + Suffix.Length && name.StartsWith(section, StringComparison.OrdinalIgnoreCase));

    private static string Key(string variable) => variable.Replace("__", ConfigurationPath.KeyDelimiter, StringComparison.Ordinal);

    /// <returns>What is wrong with the file; null: nothing, and this is its text without the line's end.</returns>
    private static string? Fault(string path, out string value)
    {
        value = "";
        try
        {
            if (Directory.Exists(path))
            {
                return "is a folder";
            }

            // One byte more than it may have.
            using FileStream file = File.OpenRead(path);
            byte[] bytes = new byte[BytesMax + 1];
            int length = file.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (length > BytesMax)
            {
                return string.Create(CultureInfo.InvariantCulture, $"has more than {BytesMax} bytes, which no secret has");
            }

            // Editors and echo end the last line.
            value = Strict.GetString(bytes, 0, length).TrimStart('\uFEFF').TrimEnd('\r', '\n');
            return value.Contains('\0', StringComparison.Ordinal) ? "is no text" : string.IsNullOrWhiteSpace(value) ? "is empty" : null;
        }
        catch (DecoderFallbackException)
        {
            return "is no text in UTF-8";
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return "does not exist";
        }
        catch (UnauthorizedAccessException)
        {
            return $"may not be read by the user '{Environment.UserName}'";
        }
        catch (Exception e) when (e is IOException or ArgumentException or NotSupportedException)
        {
            return $"cannot be read: {e.Message}";
        }
    }
}
