namespace Monstera.Server.Growth;

/// <summary>What the composition tells of the connections of this node.</summary>
internal sealed record NodeGauges(Func<int> Connections, Func<int> Users);
