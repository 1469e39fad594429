using System.Text.Json;
using Monstera.Data.Archive;
using Monstera.Data.Directory;
using Monstera.Data.Ids;

namespace Monstera.Tests.Data.Archive;

public sealed class DirectoryRecordTests
{
    /// <summary>The digest is taken of this text: that of a backup from before there was a choice still holds, and a choice that is lost on the way is found.</summary>
    [Fact]
    public void An_account_that_never_chose_looks_as_it_did_before_there_was_a_choice()
    {
        AccountRecord account = new(new TenantId(Guid.NewGuid()), new UserId(Guid.NewGuid()), "ann", "Ann", "ann", WorkspaceRole.Member, default, null, 0, null, null);
        Assert.DoesNotContain("Presence", JsonSerializer.Serialize(account), StringComparison.Ordinal);
        Assert.Contains("\"Presence\":2,\"PresenceVersion\":3", JsonSerializer.Serialize(account with { Presence = PresenceChoice.Invisible, PresenceVersion = 3 }), StringComparison.Ordinal);
        Assert.Contains("\"PresenceVersion\":4", JsonSerializer.Serialize(account with { PresenceVersion = 4 }), StringComparison.Ordinal);
    }
}
