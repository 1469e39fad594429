using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Growth;

/// <summary>Reads <c>growth.json</c> and checks it: a mistake is named with its place, before anybody relies on it.</summary>
internal static class GrowthFile
{
    /// <summary>Beside the program.</summary>
    public const string Name = "growth.json";

    /// <summary>The one that is shipped has about 15,000.</summary>
    private const int BytesMax = 1_048_576;

    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        ReadCommentHandling = JsonCommentHandling.Skip,
        AllowTrailingCommas = true,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        MaxDepth = 16,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase, allowIntegerValues: false) },
    };

    /// <exception cref="OptionsValidationException">It is not there, or something in it is wrong: what, and where.</exception>
    public static GrowthBook Read(GrowthOptions options) =>
        TryRead(options.File) is ({ } book, _)
            ? book
            : throw new OptionsValidationException(MonsteraOptions.Section, typeof(GrowthOptions), [$"Monstera:Growth:File: {TryRead(options.File).Fault}"]);

    /// <param name="path">Empty: the one beside the program.</param>
    /// <returns>The book, or what is wrong.</returns>
    public static (GrowthBook? Book, string? Fault) TryRead(string path)
    {
        string file = string.IsNullOrWhiteSpace(path) ? Path.Combine(AppContext.BaseDirectory, Name) : Path.GetFullPath(path);
        try
        {
            return new FileInfo(file) is { Exists: true, Length: > BytesMax } ? (null, $"{file} has more than {BytesMax} bytes.") : TryParse(File.ReadAllText(file), file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return (null, $"{file} cannot be read: {e.Message}");
        }
    }

    /// <param name="place">For messages.</param>
    /// <returns>The book, or what is wrong.</returns>
    public static (GrowthBook? Book, string? Fault) TryParse(string text, string place)
    {
        try
        {
            GrowthBook? book = JsonSerializer.Deserialize<GrowthBook>(text, Json);
            IReadOnlyList<string> faults = book is null ? ["it is empty."] : GrowthFileRules.FindFaults(book);
            return faults.Count == 0 ? (book, null) : (null, $"{place}: {string.Join(' ', faults)}");
        }
        catch (JsonException e)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"{place}, line {e.LineNumber + 1}, {e.Path}: {Sentence(e.Message)}"));
        }
    }

    /// <summary>The library's messages end with the place, which is said already, and name types of .NET.</summary>
    private static string Sentence(string message) => message switch
    {
        _ when message.Contains("could not be mapped", StringComparison.Ordinal) => $"nothing is called {message.Split('\'')[1]} there.",
        _ when message.Contains("could not be converted", StringComparison.Ordinal) => "a value of another kind, or another word, is wanted there.",
        _ when message.Contains("missing required", StringComparison.Ordinal) => $"{message[(message.LastIndexOf(':') + 1)..].Trim(' ', '.')} is missing.",
        _ => message.Split(" Path: ")[0].Split(" LineNumber: ")[0],
    };
}

/// <summary>Checks the file when the server starts.</summary>
internal sealed class GrowthOptionsValidator : IValidateOptions<MonsteraOptions>
{
    public ValidateOptionsResult Validate(string? name, MonsteraOptions options) =>
        GrowthFile.TryRead(options.Growth.File).Fault is { } fault ? ValidateOptionsResult.Fail($"Monstera:Growth:File: {fault}") : ValidateOptionsResult.Success;
}
