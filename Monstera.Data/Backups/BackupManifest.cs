using System.Text.Json;
using System.Text.Json.Serialization;
using Monstera.Data.Archive;

namespace Monstera.Data.Backups;

/// <summary>What a backup says of itself: <c>backup.json</c>, which is written last. A folder without it is no backup.</summary>
/// <param name="Provider">Where it was made from: sqlite or postgres.</param>
/// <param name="Slots">The map of shards at that time; empty for SQLite.</param>
/// <param name="FileSha256">Of <see cref="Sqlite.SqliteDatabase.FileName"/>, in lower-case hexadecimal.</param>
/// <param name="ContentSha256">See <see cref="InstallationCopy.DigestOf"/>.</param>
public sealed record BackupManifest(
    int FormatVersion,
    string ServerVersion,
    DateTimeOffset At,
    Guid Installation,
    string Provider,
    IReadOnlyList<SlotRange> Slots,
    InstallationSize Size,
    string FileSha256,
    string ContentSha256)
{
    public const string FileName = "backup.json";

    /// <summary>Of backups that this program makes; it takes no others.</summary>
    public const int Version = 1;

    // All slots in as many ranges: nothing of ours is longer.
    private const int BytesMax = 1 << 20;

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        WriteIndented = true,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectRequiredConstructorParameters = true,
        RespectNullableAnnotations = true,
    };

    /// <exception cref="ArchiveConflictException">There is none, or it cannot be understood.</exception>
    public static BackupManifest Read(string folder)
    {
        string path = Path.Combine(folder, FileName);
        try
        {
            using FileStream file = File.OpenRead(path);
            BackupManifest? manifest = file.Length <= BytesMax ? JsonSerializer.Deserialize<BackupManifest>(file, Options) : null;
            return manifest is null ? throw new ArchiveConflictException($"{path} is not what a backup says of itself.")
                : manifest.FormatVersion != Version ? throw new ArchiveConflictException($"{path} has format {manifest.FormatVersion}, and this program knows {Version}: use the version that made it.")
                : manifest;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ArchiveConflictException($"{folder} is not a backup, or one that was not finished: it has no {FileName}.");
        }
        catch (JsonException)
        {
            throw new ArchiveConflictException($"{path} is not what a backup says of itself.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new StorageUnavailableException($"{path} cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Writes it as a whole or not at all.</summary>
    internal void Write(string folder) => PrivateFiles.WriteWhole(Path.Combine(folder, FileName), JsonSerializer.SerializeToUtf8Bytes(this, Options));
}
