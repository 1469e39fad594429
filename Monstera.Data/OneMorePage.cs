using Monstera.Data.Rooms;

namespace Monstera.Data;

internal static class OneMorePage
{
    /// <summary>The page of a list that was read with one item more than asked for, to learn whether there is more.</summary>
    public static Page<T> ToPage<T>(this List<T> oneMore, int limit, Func<T, string> cursor)
    {
        if (oneMore.Count <= limit)
        {
            return new Page<T>(oneMore, Next: null);
        }

        oneMore.RemoveAt(limit);
        return new Page<T>(oneMore, cursor(oneMore[^1]));
    }
}
