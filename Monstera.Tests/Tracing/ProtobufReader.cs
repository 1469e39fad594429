using System.Buffers.Binary;
using System.Text;

namespace Monstera.Tests.Tracing;

/// <summary>Reads the fields of one protobuf message in their order, from the wire format's description alone.</summary>
internal sealed class ProtobufReader(ReadOnlyMemory<byte> bytes)
{
    private int _at;

    /// <summary>Of the field that was read last.</summary>
    public int Field { get; private set; }

    /// <summary>0: a number; 1: eight bytes; 2: bytes with a length; 5: four bytes.</summary>
    public int WireType { get; private set; }

    public ulong Number { get; private set; }

    public ReadOnlyMemory<byte> Content { get; private set; }

    public string Text => new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Content.Span);

    public string Hex => Convert.ToHexStringLower(Content.Span);

    public ProtobufReader Message => new(Content);

    /// <param name="wireTypes">By the fields' numbers, which wire type the message's description gives each; <c>-</c>: there is no such field.</param>
    /// <returns>False: there is none more.</returns>
    public bool Next(string wireTypes)
    {
        if (_at == bytes.Length)
        {
            return false;
        }

        ulong tag = ReadNumber();
        (Field, WireType) = ((int)(tag >> 3), (int)(tag & 7));
        switch (WireType)
        {
            case 0:
                Number = ReadNumber();
                break;
            case 1:
                Number = BinaryPrimitives.ReadUInt64LittleEndian(Take(8).Span);
                break;
            case 2:
                Content = Take(checked((int)ReadNumber()));
                break;
            case 5:
                Number = BinaryPrimitives.ReadUInt32LittleEndian(Take(4).Span);
                break;
            default:
                throw new InvalidDataException($"Wire type {WireType} of field {Field}.");
        }

        return Field < wireTypes.Length && wireTypes[Field] == '0' + WireType ? true : throw new InvalidDataException($"Field {Field} of wire type {WireType}, where there are {wireTypes}.");
    }

    private ulong ReadNumber()
    {
        ulong value = 0;
        for (int shift = 0; shift < 70; shift += 7)
        {
            byte one = Take(1).Span[0];
            value |= (ulong)(one & 0x7F) << shift;
            if (one < 0x80)
            {
                return value;
            }
        }

        throw new InvalidDataException("A number of more than ten bytes.");
    }

    private ReadOnlyMemory<byte> Take(int count)
    {
        ReadOnlyMemory<byte> taken = bytes.Slice(_at, count);
        _at += count;
        return taken;
    }
}
