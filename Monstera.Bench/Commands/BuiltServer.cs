namespace Monstera.Bench.Commands;

/// <summary>Finds the server that was built together with this program.</summary>
internal static class BuiltServer
{
    private const string FileName = "monstera.dll";

    public static string Find()
    {
        // Either everything is in one folder, or each project has its bin/<configuration>/<framework>.
        string here = Path.TrimEndingDirectorySeparator(AppContext.BaseDirectory);
        char slash = Path.DirectorySeparatorChar;
        string beside = here.Replace($"{slash}Monstera.Bench{slash}", $"{slash}Monstera.Server{slash}", StringComparison.Ordinal);
        string[] places = [Path.Combine(here, FileName), Path.Combine(beside, FileName)];
        return Array.Find(places, File.Exists)
            ?? throw new BenchFailedException($"there is no {FileName} at {string.Join(" or ", places)}: build the solution, or give --server.");
    }
}
