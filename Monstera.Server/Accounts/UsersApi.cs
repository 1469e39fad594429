using Microsoft.AspNetCore.Http.HttpResults;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Rest;

namespace Monstera.Server.Accounts;

/// <summary>The people of the workspace.</summary>
internal static class UsersApi
{
    private const int IdsMax = 100;

    public static void Map(RouteGroupBuilder api) =>
        api.MapGet("/users", ReadUsers).WithTags("Users").WithName("ReadUsers")
            .WithSummary("People by user name, those whose names contain the query; or those with the ids given (at most 100, comma separated).");

    private static async Task<Results<Ok<PageView<UserView>>, ErrorResult>> ReadUsers(
        string? query, string? after, int? limit, string? ids, Caller caller, IDirectory directory, CancellationToken cancel)
    {
        if (ids is not null)
        {
            Result<IReadOnlyCollection<UserId>> wanted = ParseIds(ids);
            return wanted.Error is { } malformed
                ? new ErrorResult(malformed)
                : TypedResults.Ok(View(await directory.FindUsers(caller.Tenant, wanted.Value!, cancel), null));
        }

        Result<int> count = ListQuery.Limit(limit);
        if (count.Error is { } invalid)
        {
            return new ErrorResult(invalid);
        }

        string? part = string.IsNullOrWhiteSpace(query) ? null : query.Trim();
        Result<Page<User>> page = await ListQuery.Read(after, part, () => directory.ReadUsers(caller.Tenant, part, after, count.Value, cancel));
        return page.Error is { } refused ? new ErrorResult(refused) : TypedResults.Ok(View(page.Value!.Items, page.Value.Next));
    }

    private static Result<IReadOnlyCollection<UserId>> ParseIds(string ids)
    {
        HashSet<UserId> parsed = [];
        foreach (string text in ids.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            if (!UserId.TryParse(text, null, out UserId id))
            {
                return Error.Invalid("ids: not a comma-separated list of user ids.");
            }

            parsed.Add(id);
            if (parsed.Count > IdsMax)
            {
                return Error.Invalid($"ids: at most {IdsMax}.");
            }
        }

        return parsed;
    }

    private static PageView<UserView> View(IEnumerable<User> users, string? next) => new([.. users.Select(UserView.Of)], next);
}
