namespace Monstera.Data.Archive;

/// <summary>What an installation's databases are there for. The numbers are stored. Servers start on <see cref="Served"/> alone.</summary>
public enum InstallationState : byte
{
    Served = 1,

    /// <summary>A copy is being written into it that is not finished.</summary>
    ReceivesCopy = 2,

    /// <summary>It was moved to another kind of storage, and is what it was at that instant.</summary>
    MovedAway = 3,
}

/// <summary>One directory with its rooms. Moves and restored backups keep the id.</summary>
/// <param name="MovedTo">Where it was moved to, for people; with <see cref="InstallationState.MovedAway"/> only.</param>
public sealed record Installation(Guid Id, InstallationState State, string? MovedTo = null, DateTimeOffset? MovedAt = null)
{
    /// <summary>For who wants to serve it.</summary>
    /// <exception cref="StorageRefusedException">Not <see cref="InstallationState.Served"/>.</exception>
    public void RefuseUnlessServed(string place)
    {
        switch (State)
        {
            case InstallationState.Served:
                return;
            case InstallationState.ReceivesCopy:
                throw new StorageRefusedException(
                    $"{place} receives a copy that is not finished: run `monstera move` (or `monstera restore`) again, which goes on where it stopped.");
            default:
                throw new StorageRefusedException(
                    $"{place} was moved to {MovedTo ?? "another storage"} on {MovedAt:yyyy-MM-dd HH:mm} UTC: start the server there. To go on here instead, without what was written there since: `monstera move --reopen`.");
        }
    }
}
