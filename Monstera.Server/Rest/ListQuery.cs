using System.Globalization;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;

namespace Monstera.Server.Rest;

/// <summary>The parameters of lists: how many, and from where.</summary>
internal static class ListQuery
{
    public const int LimitDefault = 50;
    private const int AfterCharsMax = 1_024;
    private const int QueryCharsMax = 100;

    /// <summary>How many items: bounded, <see cref="LimitDefault"/> when left out.</summary>
    public static Result<int> Limit(int? limit, int max = RoomLimits.PageMax) => limit switch
    {
        null => Math.Min(LimitDefault, max),
        < 1 => Error.Invalid("limit: below 1."),
        _ => limit > max ? Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"limit: at most {max}.")) : limit.Value,
    };

    /// <summary>Reads a page; a cursor that this server did not make is the caller's fault.</summary>
    public static async ValueTask<Result<T>> Read<T>(string? after, string? query, Func<ValueTask<T>> read)
    {
        if (after?.Length > AfterCharsMax)
        {
            return Error.Invalid("after: not a cursor of this list.");
        }

        if (query?.Length > QueryCharsMax)
        {
            return Error.Invalid(string.Create(CultureInfo.InvariantCulture, $"query: at most {QueryCharsMax} characters."));
        }

        try
        {
            return await read();
        }
        catch (FormatException) when (after is not null)
        {
            return Error.Invalid("after: not a cursor of this list.");
        }
    }
}
