using System.Globalization;
using Monstera.Data.Rooms;

namespace Monstera.Server.Commands.Shards;

/// <summary>Slots and durations as people write them.</summary>
internal static class SlotNumbers
{
    /// <param name="text">Numbers and ranges: <c>1,5-9</c>.</param>
    /// <returns>Ascending, each once; null when it is no such text.</returns>
    public static IReadOnlyList<short>? Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        SortedSet<short> slots = [];
        foreach (string part in text.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] ends = part.Split('-');
            if (ends.Length > 2 || !TrySlot(ends[0], out short first) || !TrySlot(ends[^1], out short last) || first > last)
            {
                return null;
            }

            for (int slot = first; slot <= last; slot++)
            {
                slots.Add((short)slot);
            }
        }

        return [.. slots];
    }

    /// <summary>As <see cref="Parse"/> takes it.</summary>
    /// <param name="slots">Ascending.</param>
    public static string Write(IReadOnlyList<short> slots)
    {
        ArgumentNullException.ThrowIfNull(slots);
        List<string> parts = [];
        for (int i = 0; i < slots.Count;)
        {
            int first = i;
            while (i < slots.Count && slots[i] - slots[first] == i - first)
            {
                i++;
            }

            parts.Add(i - first == 1 ? Text(slots[first]) : $"{Text(slots[first])}-{Text(slots[i - 1])}");
        }

        return string.Join(',', parts);
    }

    /// <param name="text">Whole seconds, minutes, hours or days: <c>90s</c>, <c>10m</c>, <c>2h</c>, <c>1d</c>; or <c>0</c>.</param>
    /// <returns>Null when it is no such text, or more than 30 days.</returns>
    public static TimeSpan? ParseDuration(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text == "0")
        {
            return TimeSpan.Zero;
        }

        int unit = text.Length == 0 ? 0 : text[^1] switch { 's' => 1, 'm' => 60, 'h' => 3_600, 'd' => 86_400, _ => 0 };
        return unit != 0 && int.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out int count) && (long)count * unit <= 30 * 86_400
            ? TimeSpan.FromSeconds((long)count * unit)
            : null;
    }

    private static bool TrySlot(string text, out short slot) =>
        short.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out slot) && slot < Slot.Count;

    private static string Text(short slot) => slot.ToString(CultureInfo.InvariantCulture);
}
