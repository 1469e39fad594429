using Microsoft.Extensions.Options;
using Monstera.Server.Configuration;

namespace Monstera.Server.Nodes;

/// <summary>This process among those of the installation.</summary>
public sealed class Node(IOptions<MonsteraOptions> options)
{
    /// <summary>Another one after each start, so that what a process told before it was restarted is never taken for what it tells now.</summary>
    public Guid Id { get; } = Guid.CreateVersion7();

    /// <summary>For people: in logs, in the answer to Hello, as a label of metrics.</summary>
    public string Name { get; } = options.Value.NodeName is { Length: > 0 } name ? name : Environment.MachineName;
}
