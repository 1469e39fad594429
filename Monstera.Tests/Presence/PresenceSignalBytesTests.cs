using System.Buffers;
using Monstera.Data.Directory;
using Monstera.Data.Ids;
using Monstera.Server.Backplane;
using Monstera.Server.Nodes;

namespace Monstera.Tests.Presence;

/// <summary>What nodes tell each other of presence, in bytes: two versions of the server understand each other.</summary>
public sealed class PresenceSignalBytesTests
{
    private const string Node = "11111111111111111111111111111111";
    private const string Tenant = "22222222222222222222222222222222";
    private const string User = "33333333333333333333333333333333";

    private static readonly PresenceEntry Entry = new(
        new TenantId(new Guid(Tenant)), new UserId(new Guid(User)), PresenceActivity.Active, new PresenceSetting(PresenceChoice.Away, 9));

    public static TheoryData<string, string> Frozen { get; } = new()
    {
        { "changes", $"07 0710{Node} 04028102 082a{Tenant}{User}02010000000000000009" },
        { "heartbeat", $"07 0710{Node} 04028102 0800" },
        { "left", $"08 0710{Node}" },
    };

    [Theory]
    [MemberData(nameof(Frozen))]
    public void Signals_are_written_as_they_always_were_and_read_as_they_were_meant(string name, string hex)
    {
        byte[] bytes = Hex(hex);
        Assert.Equal(bytes, Write(SignalOf(name)));
        Assert.Equivalent(SignalOf(name), SignalBytes.Read(bytes), strict: true);
    }

    [Fact]
    public void The_largest_signal_arrives_whole()
    {
        PresenceEntry[] entries = [.. Enumerable.Range(0, PresenceSignal.ChangesMax).Select(i => Entry with { User = new(Guid.NewGuid()), Activity = (PresenceActivity)(i % 3) })];
        var read = (PresenceSignal)SignalBytes.Read(Write(new PresenceSignal(Guid.NewGuid(), long.MaxValue, entries)))!;
        Assert.Equal(entries, read.Changes);
        Assert.Equal(long.MaxValue, read.Counter);
    }

    /// <summary>The signal is lost then, which the counter of the next one shows.</summary>
    [Theory]
    [InlineData($"07 0710{Node} 040101 0829{Tenant}{User}020100000000000000")]
    [InlineData($"07 0710{Node} 040101 082a{Tenant}{User}09010000000000000009")]
    [InlineData($"07 0710{Node} 040101 082a{Tenant}{User}02090000000000000009")]
    [InlineData($"07 0710{Node} 082a{Tenant}{User}02010000000000000009")]
    [InlineData($"07 040101 082a{Tenant}{User}02010000000000000009")]
    [InlineData("08")]
    public void What_cannot_be_understood_is_no_signal(string hex) => Assert.Null(SignalBytes.Read(Hex(hex)));

    private static NodeSignal SignalOf(string name) => name switch
    {
        "changes" => new PresenceSignal(new Guid(Node), 257, [Entry]),
        "heartbeat" => new PresenceSignal(new Guid(Node), 257, []),
        _ => new NodeLeftSignal(new Guid(Node)),
    };

    private static byte[] Write(NodeSignal signal)
    {
        ArrayBufferWriter<byte> bytes = new();
        Assert.True(SignalBytes.Write(bytes, signal));
        return bytes.WrittenSpan.ToArray();
    }

    private static byte[] Hex(string hex) => Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal));
}
