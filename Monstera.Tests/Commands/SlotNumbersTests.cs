using Monstera.Server.Commands.Shards;

namespace Monstera.Tests.Commands;

/// <summary>How slots and durations are written on the command line.</summary>
public sealed class SlotNumbersTests
{
    [Theory]
    [InlineData("1,5-9", "1,5-9")]
    [InlineData("9, 8 ,7,1", "1,7-9")]
    [InlineData("0,4095", "0,4095")]
    [InlineData("3-3,3", "3")]
    [InlineData("", null)]
    [InlineData("1,,2", null)]
    [InlineData("9-5", null)]
    [InlineData("1-2-3", null)]
    [InlineData("-5", null)]
    [InlineData("4096", null)]
    [InlineData("99999999999", null)]
    public void Slots_are_written_as_numbers_and_ranges(string text, string? expected) =>
        Assert.Equal(expected, SlotNumbers.Parse(text) is { } slots ? SlotNumbers.Write(slots) : null);

    [Theory]
    [InlineData("0", 0)]
    [InlineData("90s", 90)]
    [InlineData("10m", 600)]
    [InlineData("2h", 7_200)]
    [InlineData("30d", 2_592_000)]
    [InlineData("31d", null)]
    [InlineData("10", null)]
    [InlineData("m", null)]
    [InlineData("-1m", null)]
    [InlineData("", null)]
    public void Durations_have_a_unit(string text, int? seconds) => Assert.Equal(seconds, (int?)SlotNumbers.ParseDuration(text)?.TotalSeconds);
}
