namespace Monstera.Data;

/// <summary>Where the figures of the storage are found.</summary>
public static class StorageMeter
{
    /// <summary>Of the <see cref="System.Diagnostics.Metrics.Meter"/>.</summary>
    public const string Name = "Monstera.Storage";
}
