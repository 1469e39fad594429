using System.Globalization;

namespace Monstera.Tests.Tracing;

/// <summary>A span as opentelemetry/proto/trace/v1/trace.proto has it, with its node (the resource's service.instance.id) and its scope's name.</summary>
internal sealed record CollectedSpan
{
    public string Node { get; private set; } = "";

    public string Service { get; private set; } = "";

    public string Scope { get; private set; } = "";

    public string Trace { get; private set; } = "";

    public string Id { get; private set; } = "";

    /// <summary>Empty: it is a root.</summary>
    public string Parent { get; private set; } = "";

    public string Name { get; private set; } = "";

    /// <summary>1 internal, 2 server, 3 client, 4 producer, 5 consumer.</summary>
    public ulong Kind { get; private set; }

    public ulong Begun { get; private set; }

    public ulong Ended { get; private set; }

    public List<(string Trace, string Span)> Links { get; } = [];

    public Dictionary<string, string> Attributes { get; } = new(StringComparer.Ordinal);

    /// <summary>The spans of an ExportTraceServiceRequest.</summary>
    public static List<CollectedSpan> ReadAll(ReadOnlyMemory<byte> request)
    {
        List<CollectedSpan> spans = [];
        for (ProtobufReader export = new(request); export.Next();)
        {
            Assert.Equal((1, 2), (export.Field, export.WireType));
            Dictionary<string, string> resource = new(StringComparer.Ordinal);
            List<CollectedSpan> ofResource = [];
            for (ProtobufReader inResource = export.Message; inResource.Next();)
            {
                if (inResource.Field == 1)
                {
                    ReadResource(inResource.Message, resource);
                }
                else if (inResource.Field == 2)
                {
                    ReadScope(inResource.Message, ofResource);
                }
            }

            foreach (CollectedSpan span in ofResource)
            {
                (span.Node, span.Service) = (resource["service.instance.id"], resource["service.name"]);
            }

            spans.AddRange(ofResource);
        }

        return spans;
    }

    private static void ReadResource(ProtobufReader reader, Dictionary<string, string> attributes)
    {
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                ReadAttribute(reader.Message, attributes);
            }
        }
    }

    private static void ReadScope(ProtobufReader reader, List<CollectedSpan> spans)
    {
        string scope = "";
        int first = spans.Count;
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                for (ProtobufReader inScope = reader.Message; inScope.Next();)
                {
                    scope = inScope.Field == 1 ? inScope.Text : scope;
                }
            }
            else if (reader.Field == 2)
            {
                spans.Add(ReadSpan(reader.Message));
            }
        }

        spans.Skip(first).ToList().ForEach(span => span.Scope = scope);
    }

    private static CollectedSpan ReadSpan(ProtobufReader reader)
    {
        CollectedSpan span = new();
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    span.Trace = reader.Hex;
                    break;
                case 2:
                    span.Id = reader.Hex;
                    break;
                case 4:
                    span.Parent = reader.Hex;
                    break;
                case 5:
                    span.Name = reader.Text;
                    break;
                case 6:
                    span.Kind = reader.Number;
                    break;
                case 7:
                    span.Begun = reader.Number;
                    break;
                case 8:
                    span.Ended = reader.Number;
                    break;
                case 9:
                    ReadAttribute(reader.Message, span.Attributes);
                    break;
                case 13:
                    span.Links.Add(ReadLink(reader.Message));
                    break;
                default:
                    break;
            }
        }

        Assert.Equal((32, 16), (span.Trace.Length, span.Id.Length));
        Assert.True(span.Begun > 0 && span.Ended >= span.Begun, $"{span.Name} ends before it begins");
        return span;
    }

    private static (string Trace, string Span) ReadLink(ProtobufReader reader)
    {
        (string Trace, string Span) link = ("", "");
        while (reader.Next())
        {
            link = reader.Field switch
            {
                1 => (reader.Hex, link.Span),
                2 => (link.Trace, reader.Hex),
                _ => link,
            };
        }

        return link;
    }

    private static void ReadAttribute(ProtobufReader reader, Dictionary<string, string> attributes)
    {
        string key = "";
        string value = "";
        while (reader.Next())
        {
            if (reader.Field == 1)
            {
                key = reader.Text;
            }
            else if (reader.Field == 2)
            {
                for (ProtobufReader any = reader.Message; any.Next();)
                {
                    value = any.Field == 1 ? any.Text : any.WireType == 0 ? any.Number.ToString(CultureInfo.InvariantCulture) : any.Hex;
                }
            }
        }

        attributes[key] = value;
    }
}
