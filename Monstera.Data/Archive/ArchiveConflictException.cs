namespace Monstera.Data.Archive;

/// <summary>What was to be copied does not fit what is there; copying on would make something that never was. The message says what and where.</summary>
public sealed class ArchiveConflictException(string message) : Exception(message);
