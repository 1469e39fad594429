namespace Monstera.Tests.Clients;

/// <summary>What a test needs of the machine. Without it the test is skipped and says why; under <c>CI=true</c> it fails, so that nothing goes unproven unseen.</summary>
public static class Requires
{
    public static void That(bool there, string reason)
    {
        if (there)
        {
            return;
        }

        if (Environment.GetEnvironmentVariable("CI") == "true")
        {
            Assert.Fail($"{reason} With CI=true a test that cannot run counts as failed.");
        }

        Assert.Skip(reason);
    }

    /// <summary>What no package of Debian brings as it is needed: its absence is said and counts as skipped, with CI=true too.</summary>
    public static void WhereThereIs(bool there, string reason)
    {
        if (!there)
        {
            Assert.Skip(reason);
        }
    }

    public static void Root(string what) => That(Environment.UserName == "root" && OperatingSystem.IsLinux(), $"{what} needs root on Linux.");

    public static void Unix(string what) => That(!OperatingSystem.IsWindows(), $"{what} needs a Unix.");
}
