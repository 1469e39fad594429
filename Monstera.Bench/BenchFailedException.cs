using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;

namespace Monstera.Bench;

/// <summary>The run is worth nothing: the server broke a promise, or something that was needed is missing. The message is for the person at the terminal.</summary>
public sealed class BenchFailedException(string message) : Exception(message)
{
    /// <summary>Builds the message only when it is needed: this is called for each delivery.</summary>
    internal static void ThrowIf(
        [DoesNotReturnIf(true)] bool broken, [InterpolatedStringHandlerArgument(nameof(broken))] ref FailureText text)
    {
        if (broken)
        {
            throw new BenchFailedException(text.ToString());
        }
    }
}

/// <summary>An interpolated string that is only made when something is broken.</summary>
[InterpolatedStringHandler]
internal ref struct FailureText
{
    private DefaultInterpolatedStringHandler _text;

    public FailureText(int literalLength, int formattedCount, bool broken, out bool isWanted)
    {
        isWanted = broken;
        _text = broken ? new DefaultInterpolatedStringHandler(literalLength, formattedCount, CultureInfo.InvariantCulture) : default;
    }

    public void AppendLiteral(string value) => _text.AppendLiteral(value);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public override string ToString() => _text.ToStringAndClear();
}
