namespace Monstera.Server.Configuration;

/// <summary>
/// The section <c>ConnectionStrings</c> (environment: <c>ConnectionStrings__Directory</c> and so on), as ASP.NET has it, outside of <c>Monstera</c>. Checked by
/// <see cref="ConnectionStringsValidator"/>. They have passwords in them: never to be logged or put into a message. Empty ones count as not set.
/// </summary>
public sealed class ConnectionStrings(IConfiguration configuration)
{
    public const string DirectoryKey = "ConnectionStrings:Directory";
    public const string ShardKey = "ConnectionStrings:Shards:0";
    public const string DirectoryOwnerKey = "ConnectionStrings:Owners:Directory";
    public const string ShardOwnerKey = "ConnectionStrings:Owners:Shards:0";

    /// <summary>Those that are used.</summary>
    public static IReadOnlyList<string> Known { get; } = [DirectoryKey, ShardKey, DirectoryOwnerKey, ShardOwnerKey];

    /// <summary>Of the role that serves.</summary>
    public string? Directory => this[DirectoryKey];

    /// <summary>Of the role that serves.</summary>
    public string? Shard => this[ShardKey];

    /// <summary>Of the role that owns the schema; set, the schema is brought up to date at start.</summary>
    public string? DirectoryOwner => this[DirectoryOwnerKey];

    /// <summary>Of the role that owns the schema; set, the schema is brought up to date at start.</summary>
    public string? ShardOwner => this[ShardOwnerKey];

    /// <summary>Directory and shard are one database.</summary>
    public bool IsOneDatabase => Directory == Shard;

    public string? this[string key] => string.IsNullOrWhiteSpace(configuration[key]) ? null : configuration[key];

    /// <summary>The keys that are set for shards beyond the first.</summary>
    public IEnumerable<string> FurtherShards() =>
        new[] { "ConnectionStrings:Shards", "ConnectionStrings:Owners:Shards" }
            .SelectMany(section => configuration.GetSection(section).GetChildren().Select(child => $"{section}:{child.Key}"))
            .Where(key => !Known.Contains(key) && this[key] is not null);
}
