using System.Buffers.Binary;

namespace Monstera.Server.Cache;

/// <summary>The SHA-256 of a session's token, as a key.</summary>
internal readonly record struct TokenHash(UInt128 High, UInt128 Low)
{
    public const int Bytes = 32;

    public static TokenHash Of(ReadOnlySpan<byte> hash) => new(BinaryPrimitives.ReadUInt128BigEndian(hash), BinaryPrimitives.ReadUInt128BigEndian(hash[16..]));
}
