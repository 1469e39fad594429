using System.Globalization;

namespace Monstera.Tests.Tracing;

/// <summary>A span as opentelemetry/proto/trace/v1/trace.proto has it, with its node (the resource's service.instance.id) and its scope's name.</summary>
internal sealed record CollectedSpan
{
    // The wire types of the messages' fields, as opentelemetry-proto 1.9 gives them.
    private const string ExportFields = "-2";
    private const string ResourceSpansFields = "-222";
    private const string ResourceFields = "-202";
    private const string ScopeSpansFields = "-222";
    private const string ScopeFields = "-2220";
    private const string SpanFields = "-2222201120202025";
    private const string LinkFields = "-222205";
    private const string StatusFields = "--20";
    private const string AttributeFields = "-22";
    private const string ValueFields = "-2001222";

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

    /// <summary>Things that happened in the meantime, such as exceptions.</summary>
    public int Events { get; private set; }

    /// <summary>The status is: error.</summary>
    public bool IsError { get; private set; }

    /// <summary>What the status says in words.</summary>
    public string StatusText { get; private set; } = "";

    /// <summary>The lowest bit: it is traced. The two from 0x100 on: it is known whether the parent is of another process, and it is.</summary>
    public ulong Flags { get; private set; }

    public IReadOnlyDictionary<string, string> Resource { get; private set; } = new Dictionary<string, string>();

    /// <summary>The spans of an ExportTraceServiceRequest.</summary>
    public static List<CollectedSpan> ReadAll(ReadOnlyMemory<byte> request)
    {
        List<CollectedSpan> spans = [];
        for (ProtobufReader export = new(request); export.Next(ExportFields);)
        {
            Dictionary<string, string> resource = new(StringComparer.Ordinal);
            List<CollectedSpan> ofResource = [];
            for (ProtobufReader inResource = export.Message; inResource.Next(ResourceSpansFields);)
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
                (span.Node, span.Service, span.Resource) = (resource["service.instance.id"], resource["service.name"], resource);
            }

            spans.AddRange(ofResource);
        }

        return spans;
    }

    private static void ReadResource(ProtobufReader reader, Dictionary<string, string> attributes)
    {
        while (reader.Next(ResourceFields))
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
        while (reader.Next(ScopeSpansFields))
        {
            if (reader.Field == 1)
            {
                for (ProtobufReader inScope = reader.Message; inScope.Next(ScopeFields);)
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
        while (reader.Next(SpanFields))
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
                case 11:
                    span.Events++;
                    break;
                case 13:
                    span.Links.Add(ReadLink(reader.Message));
                    break;
                case 15:
                    ReadStatus(reader.Message, span);
                    break;
                case 16:
                    span.Flags = reader.Number;
                    break;
                default:
                    break;
            }
        }

        AssertIds(span.Trace, span.Id);
        Assert.True(span.Begun > 0 && span.Ended >= span.Begun, $"{span.Name} ends before it begins");
        return span;
    }

    private static (string Trace, string Span) ReadLink(ProtobufReader reader)
    {
        (string Trace, string Span) link = ("", "");
        while (reader.Next(LinkFields))
        {
            link = reader.Field switch
            {
                1 => (reader.Hex, link.Span),
                2 => (link.Trace, reader.Hex),
                _ => link,
            };
        }

        AssertIds(link.Trace, link.Span);
        return link;
    }

    private static void ReadStatus(ProtobufReader reader, CollectedSpan span)
    {
        while (reader.Next(StatusFields))
        {
            if (reader.Field == 2)
            {
                span.StatusText = reader.Text;
            }
            else
            {
                span.IsError = reader.Number == 2;
            }
        }
    }

    /// <summary>Of their lengths, and not of zeros alone, which would mean that there is none.</summary>
    private static void AssertIds(string trace, string span)
    {
        Assert.Equal((32, 16), (trace.Length, span.Length));
        Assert.True(trace.Trim('0').Length > 0 && span.Trim('0').Length > 0, "Ids of zeros.");
    }

    private static void ReadAttribute(ProtobufReader reader, Dictionary<string, string> attributes)
    {
        string key = "";
        string value = "";
        while (reader.Next(AttributeFields))
        {
            if (reader.Field == 1)
            {
                key = reader.Text;
            }
            else if (reader.Field == 2)
            {
                for (ProtobufReader any = reader.Message; any.Next(ValueFields);)
                {
                    value = any.Field == 1 ? any.Text : any.WireType == 0 ? any.Number.ToString(CultureInfo.InvariantCulture) : any.Hex;
                }
            }
        }

        attributes[key] = value;
    }
}
