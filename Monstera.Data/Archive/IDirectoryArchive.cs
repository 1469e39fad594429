using Monstera.Data.Ids;

namespace Monstera.Data.Archive;

/// <summary>
/// The directory of an installation with the rows of all tenants, for who copies it whole: moves between providers, backups. Beside <see cref="IRoomArchive"/>, and like it not for
/// serving: it needs the owner's rights.
/// </summary>
/// <remarks>
/// What every provider guarantees (DirectoryArchiveContract holds each to it): each call is one transaction, durable when it returns, and sees one instant; rows come by key, in the
/// same order and with the same values from every provider; reads may be made while others write; failure of the storage throws <see cref="StorageUnavailableException"/>.
/// </remarks>
public interface IDirectoryArchive
{
    /// <summary>Rows of a page at most.</summary>
    const int RowsMax = 10_000;

    ValueTask<Installation> ReadInstallation(CancellationToken cancel);

    /// <summary>Makes the installation what is given, if it is <paramref name="expected"/> now.</summary>
    /// <returns>False, and nothing was changed: it is not.</returns>
    ValueTask<bool> TrySetInstallation(Installation expected, Installation installation, CancellationToken cancel);

    /// <summary>Tenants by id, after <paramref name="after"/>.</summary>
    /// <param name="limit">At most <see cref="RowsMax"/>.</param>
    ValueTask<IReadOnlyList<TenantRecord>> ReadTenants(TenantId? after, int limit, CancellationToken cancel);

    /// <summary>The tenant's rows of a table (not <see cref="DirectoryTable.Tenants"/>) by key, after <paramref name="after"/>.</summary>
    /// <param name="limit">At most <see cref="RowsMax"/>.</param>
    ValueTask<IReadOnlyList<DirectoryRecord>> Read(DirectoryTable table, TenantId tenant, DirectoryKey? after, int limit, CancellationToken cancel);

    /// <summary>
    /// Makes the rows what is given: those that are not there are inserted. All of one table and tenant. A session whose account is not there is left out: the account was made
    /// after the accounts were read.
    /// </summary>
    /// <exception cref="ArchiveConflictException">The installation does not receive a copy, or another row stands in the way. Nothing was written.</exception>
    ValueTask Write(IReadOnlyList<DirectoryRecord> rows, CancellationToken cancel);

    /// <summary>Removes rows; those that are not there are skipped. Rows that refer to them are to be removed before.</summary>
    /// <exception cref="ArchiveConflictException">The installation does not receive a copy, or a row that is left refers to one of them. Nothing was removed.</exception>
    ValueTask Remove(DirectoryTable table, TenantId tenant, IReadOnlyCollection<DirectoryKey> keys, CancellationToken cancel);

    /// <summary>
    /// Makes rows of <see cref="DirectoryTable.UserRooms"/> what they should be, also while servers run: only those that still have the seq and membership that they had, for otherwise
    /// something newer came. A read marker is moved forward or stays.
    /// </summary>
    /// <param name="rows">Of one tenant; both of the same user and room.</param>
    /// <returns>How many were changed.</returns>
    ValueTask<int> Correct(IReadOnlyList<(UserRoomRecord Was, UserRoomRecord Is)> rows, CancellationToken cancel);
}
