using System.Runtime.CompilerServices;
using Monstera.Data.Ids;

namespace Monstera.Data.Archive;

public sealed partial class InstallationCopy
{
    private const int PageRows = 5_000;
    private const int WriteRowsMax = 1_000;

    private static readonly DirectoryTable[] TablesOfTenants = [DirectoryTable.Accounts, DirectoryTable.Sessions, DirectoryTable.Invites, DirectoryTable.UserRooms];

    /// <summary>
    /// One pass over the directory: 1. removes what the source does not have (any more), what refers to something before that; 2. writes what differs. May run while the source
    /// is served; then some of what was changed meanwhile is left for the next pass.
    /// </summary>
    /// <returns>Rows that were written or removed.</returns>
    public async Task<long> CopyDirectory(CancellationToken cancel)
    {
        Begin(CopyPhase.Directory);
        Dictionary<TenantId, TenantRecord> from = (await ReadTenants(source.Directory, cancel)).ToDictionary(row => row.Tenant);
        Dictionary<TenantId, TenantRecord> to = (await ReadTenants(destination.Directory, cancel)).ToDictionary(row => row.Tenant);
        long changes = 0;

        // 1.
        foreach (TenantId tenant in to.Keys)
        {
            foreach (DirectoryTable table in TablesOfTenants.Reverse())
            {
                changes += await RemoveGone(table, tenant, cancel);
            }

            if (!from.ContainsKey(tenant))
            {
                await destination.Directory.Remove(DirectoryTable.Tenants, tenant, [new DirectoryKey(tenant.Value)], cancel);
                changes++;
            }
        }

        // 2.
        foreach (TenantRecord tenant in from.Values)
        {
            if (to.GetValueOrDefault(tenant.Tenant) != tenant)
            {
                await destination.Directory.Write([tenant], cancel);
                changes++;
            }
        }

        foreach (TenantId tenant in from.Keys)
        {
            foreach (DirectoryTable table in TablesOfTenants)
            {
                changes += await WriteDifferent(table, tenant, cancel);
            }
        }

        return changes;
    }

    /// <summary>Empties a table, for all tenants.</summary>
    public static async Task RemoveAll(IDirectoryArchive directory, DirectoryTable table, CancellationToken cancel)
    {
        ArgumentNullException.ThrowIfNull(directory);
        foreach (TenantRecord tenant in await ReadTenants(directory, cancel))
        {
            while (await directory.Read(table, tenant.Tenant, after: null, WriteRowsMax, cancel) is { Count: > 0 } rows)
            {
                await directory.Remove(table, tenant.Tenant, [.. rows.Select(row => row.Key)], cancel);
            }
        }
    }

    private async ValueTask<long> RemoveGone(DirectoryTable table, TenantId tenant, CancellationToken cancel)
    {
        long removed = 0;
        List<DirectoryKey> gone = [];
        await foreach ((DirectoryRecord? from, DirectoryRecord? to) in OfBoth(table, tenant, cancel))
        {
            if (from is null)
            {
                gone.Add(to!.Key);
            }

            if (gone.Count == WriteRowsMax)
            {
                await Flush();
            }
        }

        await Flush();
        return removed;

        async ValueTask Flush()
        {
            if (gone.Count > 0)
            {
                await destination.Directory.Remove(table, tenant, gone, cancel);
                removed += gone.Count;
                gone.Clear();
            }
        }
    }

    private async ValueTask<long> WriteDifferent(DirectoryTable table, TenantId tenant, CancellationToken cancel)
    {
        long written = 0;
        List<DirectoryRecord> different = [];
        await foreach ((DirectoryRecord? from, DirectoryRecord? to) in OfBoth(table, tenant, cancel))
        {
            if (from is not null && from != to)
            {
                different.Add(from);
            }

            if (different.Count == WriteRowsMax)
            {
                await Flush();
            }
        }

        await Flush();
        return written;

        async ValueTask Flush()
        {
            if (different.Count > 0)
            {
                await destination.Directory.Write(different, cancel);
                written += different.Count;
                different.Clear();
            }
        }
    }

    /// <summary>Rows of both sides by key; null where one of them lacks it.</summary>
    private async IAsyncEnumerable<(DirectoryRecord? Source, DirectoryRecord? Destination)> OfBoth(
        DirectoryTable table, TenantId tenant, [EnumeratorCancellation] CancellationToken cancel)
    {
        await using IAsyncEnumerator<DirectoryRecord> left = Rows(source.Directory, table, tenant, cancel).GetAsyncEnumerator(cancel);
        await using IAsyncEnumerator<DirectoryRecord> right = Rows(destination.Directory, table, tenant, cancel).GetAsyncEnumerator(cancel);
        DirectoryRecord? from = await Next(left);
        DirectoryRecord? to = await Next(right);
        while (from is not null || to is not null)
        {
            int order = from is null ? 1 : to is null ? -1 : from.Key.CompareTo(to.Key);
            (DirectoryRecord? Source, DirectoryRecord? Destination) pair = (order <= 0 ? from : null, order >= 0 ? to : null);
            from = order <= 0 ? await Next(left) : from;
            to = order >= 0 ? await Next(right) : to;
            yield return pair;
        }

        static async ValueTask<DirectoryRecord?> Next(IAsyncEnumerator<DirectoryRecord> rows) => await rows.MoveNextAsync() ? rows.Current : null;
    }

    private static async IAsyncEnumerable<DirectoryRecord> Rows(
        IDirectoryArchive directory, DirectoryTable table, TenantId tenant, [EnumeratorCancellation] CancellationToken cancel)
    {
        DirectoryKey? after = null;
        while (true)
        {
            IReadOnlyList<DirectoryRecord> page = await directory.Read(table, tenant, after, PageRows, cancel);
            foreach (DirectoryRecord row in page)
            {
                yield return row;
            }

            if (page.Count < PageRows)
            {
                yield break;
            }

            after = page[^1].Key;
        }
    }

    private static async ValueTask<List<TenantRecord>> ReadTenants(IDirectoryArchive directory, CancellationToken cancel)
    {
        List<TenantRecord> tenants = [];
        while (true)
        {
            IReadOnlyList<TenantRecord> page = await directory.ReadTenants(tenants.Count == 0 ? null : tenants[^1].Tenant, PageRows, cancel);
            tenants.AddRange(page);
            if (page.Count < PageRows)
            {
                return tenants;
            }
        }
    }

    private static async ValueTask<Dictionary<DirectoryTable, long>> CountRows(IDirectoryArchive directory, CancellationToken cancel)
    {
        List<TenantRecord> tenants = await ReadTenants(directory, cancel);
        var counts = new Dictionary<DirectoryTable, long> { [DirectoryTable.Tenants] = tenants.Count };
        foreach (DirectoryTable table in TablesOfTenants)
        {
            long rows = 0;
            foreach (TenantRecord tenant in tenants)
            {
                await foreach (DirectoryRecord _ in Rows(directory, table, tenant.Tenant, cancel))
                {
                    rows++;
                }
            }

            counts[table] = rows;
        }

        return counts;
    }

    private static async ValueTask<string> Digest(IDirectoryArchive directory, DirectoryTable table, IReadOnlyList<TenantRecord> tenants, CancellationToken cancel)
    {
        using var digester = new DirectoryDigester();
        foreach (TenantRecord tenant in tenants)
        {
            if (table == DirectoryTable.Tenants)
            {
                digester.Take(tenant);
                continue;
            }

            await foreach (DirectoryRecord row in Rows(directory, table, tenant.Tenant, cancel))
            {
                digester.Take(row);
            }
        }

        return digester.Finish();
    }
}
