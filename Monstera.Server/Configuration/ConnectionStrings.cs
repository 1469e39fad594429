using System.Globalization;

namespace Monstera.Server.Configuration;

/// <summary>
/// The section <c>ConnectionStrings</c> (environment: <c>ConnectionStrings__Directory</c> and so on), as ASP.NET has it, outside of <c>Monstera</c>. Checked by
/// <see cref="ConnectionStringsValidator"/>. They have passwords in them: never to be logged or put into a message. Empty ones count as not set.
/// </summary>
public sealed class ConnectionStrings(IConfiguration configuration)
{
    public const string DirectoryKey = "ConnectionStrings:Directory";
    public const string RedisKey = "ConnectionStrings:Redis";
    public const string DirectoryOwnerKey = "ConnectionStrings:Owners:Directory";

    /// <summary>Shards are numbered from 0, without a gap.</summary>
    public const int ShardsMax = 256;

    private const string ShardsSection = "ConnectionStrings:Shards";
    private const string ShardOwnersSection = "ConnectionStrings:Owners:Shards";
    private const string ReplicasSection = "ConnectionStrings:Replicas";

    /// <summary>Of the role that serves.</summary>
    public string? Directory => this[DirectoryKey];

    /// <summary>Of the role that owns the schema; set, the schema is brought up to date at start. Directory and shard may be one database, which has one owner.</summary>
    public string? DirectoryOwner => this[DirectoryOwnerKey] ?? (SharedShard is { } shard ? this[ShardOwnerKey(shard)] : null);

    /// <summary>The shard that is in the directory's database; null: none.</summary>
    public int? SharedShard => Numbered(ShardsSection).Select(ShardOf).FirstOrDefault(shard => IsWithDirectory(shard!.Value));

    /// <summary>In the form of RedisSettings.</summary>
    public string? Redis => this[RedisKey];

    /// <summary>How many shards there are, once checked.</summary>
    public int ShardCount => Numbered(ShardsSection).Count();

    public string? this[string key] => string.IsNullOrWhiteSpace(configuration[key]) ? null : configuration[key];

    public static string ShardKey(int shard) => KeyOf(ShardsSection, shard);

    public static string ShardOwnerKey(int shard) => KeyOf(ShardOwnersSection, shard);

    public static string ReplicaKey(int shard) => KeyOf(ReplicasSection, shard);

    /// <summary>Of the role that serves.</summary>
    public string? Shard(int shard) => this[ShardKey(shard)];

    /// <summary>Of the role that owns the schema; set, the schema is brought up to date when the shard is opened. Shard and directory may be one database, which has one owner.</summary>
    public string? ShardOwner(int shard) => this[ShardOwnerKey(shard)] ?? (IsWithDirectory(shard) ? DirectoryOwner : null);

    /// <summary>A copy of the shard that is only read, as the role that serves.</summary>
    public string? Replica(int shard) => this[ReplicaKey(shard)];

    /// <summary>The shard is in the directory's database.</summary>
    public bool IsWithDirectory(int shard) => Shard(shard) == Directory;

    /// <summary>All keys of databases that are set, known or not.</summary>
    public IEnumerable<string> Given() =>
        new[] { DirectoryKey, DirectoryOwnerKey }.Where(key => this[key] is not null)
            .Concat(new[] { ShardsSection, ShardOwnersSection, ReplicasSection }.SelectMany(Children));

    /// <summary>The shard that a key of <see cref="Given"/> is about; null when it names none.</summary>
    public static int? ShardOf(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        string last = key[(key.LastIndexOf(':') + 1)..];
        return int.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out int shard) && shard < ShardsMax && KeyOf("", shard) == ":" + last ? shard : null;
    }

    private static string KeyOf(string section, int shard) => string.Create(CultureInfo.InvariantCulture, $"{section}:{shard}");

    private IEnumerable<string> Numbered(string section) => Children(section).Where(key => ShardOf(key) is not null);

    private IEnumerable<string> Children(string section) =>
        configuration.GetSection(section).GetChildren().Select(child => $"{section}:{child.Key}").Where(key => this[key] is not null);
}
