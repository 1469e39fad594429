using System.Buffers.Binary;
using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Server.Nodes;

/// <summary>A row of a presence table in bytes: first whose it is (tenant and user, 16 bytes each), then what is said of them (activity and choice, a byte each, and the choice's version, 8 bytes).</summary>
public static class PresenceEntryBytes
{
    public const int KeyLength = 32;
    public const int ValueLength = 10;
    public const int Length = KeyLength + ValueLength;

    public static void WriteKey(in PresenceEntry entry, Span<byte> to)
    {
        entry.Tenant.Value.TryWriteBytes(to, bigEndian: true, out _);
        entry.User.Value.TryWriteBytes(to[16..], bigEndian: true, out _);
    }

    public static void WriteValue(in PresenceEntry entry, Span<byte> to)
    {
        to[0] = (byte)entry.Activity;
        to[1] = (byte)entry.Setting.Choice;
        BinaryPrimitives.WriteInt64BigEndian(to[2..], entry.Setting.Version);
    }

    /// <summary>What follows in a longer value is of a newer version, and is not looked at.</summary>
    /// <returns>False: it is too short, or says what this version does not know.</returns>
    public static bool TryRead(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, out PresenceEntry entry)
    {
        entry = default;
        if (key.Length != KeyLength || value.Length < ValueLength || !Enum.IsDefined((PresenceActivity)value[0]) || !Enum.IsDefined((PresenceChoice)value[1]))
        {
            return false;
        }

        entry = new PresenceEntry(
            new TenantId(new Guid(key[..16], bigEndian: true)),
            new UserId(new Guid(key[16..], bigEndian: true)),
            (PresenceActivity)value[0],
            new PresenceSetting((PresenceChoice)value[1], BinaryPrimitives.ReadInt64BigEndian(value[2..])));
        return true;
    }
}
