namespace Monstera.Server.Storage;

/// <summary>By which the nodes of one installation know what is theirs where they share with others. Moves and restored backups keep it.</summary>
public sealed record InstallationId(Guid Value);
