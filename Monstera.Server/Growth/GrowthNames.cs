using System.Text.Json;

namespace Monstera.Server.Growth;

/// <summary>Names as files and answers have them.</summary>
internal static class GrowthNames
{
    public static string Of<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());
}
