using System.Security.Cryptography;
using System.Text.Json;

namespace Monstera.Data.Archive;

/// <summary>SHA-256 over rows of the directory, taken by tenant and key. As JSON, one to a line: no two rows look alike.</summary>
internal sealed class DirectoryDigester : IDisposable
{
    private static readonly byte[] LineEnd = "\n"u8.ToArray();
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Rows { get; private set; }

    public void Take(DirectoryRecord row)
    {
        ArgumentNullException.ThrowIfNull(row);
        _hash.AppendData(JsonSerializer.SerializeToUtf8Bytes(row, row.GetType()));
        _hash.AppendData(LineEnd);
        Rows++;
    }

    /// <summary>In lower-case hexadecimal. Nothing can be taken afterwards.</summary>
    public string Finish() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public void Dispose() => _hash.Dispose();
}
