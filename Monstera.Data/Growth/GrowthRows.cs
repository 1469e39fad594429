namespace Monstera.Data.Growth;

/// <summary>What both providers make of rows.</summary>
internal static class GrowthRows
{
    /// <summary>PostgreSQL's text holds no U+0000, and a name is bounded.</summary>
    public static string NodeOf(GrowthRow row)
    {
        string name = row.Node.Replace("\0", "", StringComparison.Ordinal);
        return name.Length <= IGrowthLog.NodeCharsMax ? name : name[..IGrowthLog.NodeCharsMax];
    }
}
