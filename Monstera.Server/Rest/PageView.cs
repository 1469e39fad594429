namespace Monstera.Server.Rest;

/// <summary>A part of a list.</summary>
/// <param name="Next">Opaque; goes into <c>after</c> of the next call. Absent at the end.</param>
public sealed record PageView<T>(IReadOnlyList<T> Items, string? Next = null);
