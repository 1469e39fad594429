using System.Text;

namespace Monstera.Server.Redis;

/// <summary>Which of the 16,384 slots of a Redis Cluster a key or channel belongs to, as Redis itself decides it.</summary>
public static class RedisSlot
{
    public const int Count = 16_384;

    private static readonly ushort[] Table = MakeTable();

    public static int Of(string key)
    {
        ArgumentNullException.ThrowIfNull(key);
        int open = key.IndexOf('{', StringComparison.Ordinal);
        int close = open < 0 ? -1 : key.IndexOf('}', open + 1);
        string hashed = close > open + 1 ? key[(open + 1)..close] : key;
        int crc = 0;
        foreach (byte b in Encoding.UTF8.GetBytes(hashed))
        {
            crc = ((crc << 8) ^ Table[((crc >> 8) ^ b) & 0xFF]) & 0xFFFF;
        }

        return crc % Count;
    }

    // CRC-16/XMODEM.
    private static ushort[] MakeTable()
    {
        ushort[] table = new ushort[256];
        for (int i = 0; i < table.Length; i++)
        {
            int crc = i << 8;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc & 0x8000) != 0 ? (crc << 1) ^ 0x1021 : crc << 1;
            }

            table[i] = (ushort)crc;
        }

        return table;
    }
}
