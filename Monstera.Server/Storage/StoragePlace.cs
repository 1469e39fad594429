namespace Monstera.Server.Storage;

/// <summary>Where the data is kept, for the person who starts the server; nothing secret.</summary>
internal sealed record StoragePlace(string Name);
