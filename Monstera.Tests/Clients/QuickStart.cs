using Monstera.Tests.Clients;
using Monstera.Tests.Faults.Suite;

[assembly: AssemblyFixture(typeof(QuickStart))]

namespace Monstera.Tests.Clients;

/// <summary>
/// Has every .NET process that tests start compile quickly rather than well: it is ready after less than half the processor time. These processes live for seconds, and only what runs
/// thousands of times pays for being compiled again. A long run of the fault suite is about how they are shipped, and they live for minutes there: it leaves them alone.
/// </summary>
public sealed class QuickStart
{
    /// <summary>The runtime reads the last two as hexadecimal: calls, and milliseconds without new code before it begins to count them.</summary>
    private static readonly (string Name, string Value)[] Runtime =
        [("DOTNET_TC_QuickJit", "1"), ("DOTNET_TieredPGO", "0"), ("DOTNET_TC_CallCountThreshold", "1000"), ("DOTNET_TC_CallCountingDelayMs", "64")];

    public QuickStart()
    {
        if (FaultSettings.FromEnvironment().Length is not null)
        {
            return;
        }
        foreach ((string name, string value) in Runtime)
        {
            Environment.SetEnvironmentVariable(name, value);
        }
    }
}
