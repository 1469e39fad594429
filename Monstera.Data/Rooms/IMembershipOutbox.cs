namespace Monstera.Data.Rooms;

/// <summary>
/// Membership changes of one partition on their way to the directory, of all tenants. They are written in the transaction that changes the membership. Ids are of the
/// partition: those of another one mean something else.
/// </summary>
public interface IMembershipOutbox
{
    /// <summary>The oldest changes that have not been acknowledged, in order.</summary>
    ValueTask<IReadOnlyList<MembershipChange>> Read(int limit, CancellationToken cancel);

    /// <summary>Forgets the changes up to and including <paramref name="id"/>: the directory has them.</summary>
    ValueTask Acknowledge(long id, CancellationToken cancel);
}
