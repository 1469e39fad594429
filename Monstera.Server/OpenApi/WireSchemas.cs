using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Monstera.Data.Ids;
using Monstera.Data.Rooms;
using Monstera.Server.Errors;
using Monstera.Server.Wire;

namespace Monstera.Server.OpenApi;

/// <summary>Describes what is written by hand on the wire (ids, times, events), about which the generator knows nothing.</summary>
internal sealed class WireSchemas : IOpenApiSchemaTransformer
{
    public Task TransformAsync(OpenApiSchema schema, OpenApiSchemaTransformerContext context, CancellationToken cancellationToken)
    {
        Type type = Nullable.GetUnderlyingType(context.JsonTypeInfo.Type) ?? context.JsonTypeInfo.Type;
        if (IsId(type))
        {
            (schema.Type, schema.Format) = (JsonSchemaType.String, "uuid");
        }
        else if (context.JsonTypeInfo.ElementType is { } element)
        {
            // The generator leaves out what the items are when their converter is written by hand.
            schema.Items ??= ItemsOf(element);
        }
        else if (type == typeof(DateTimeOffset))
        {
            (schema.Type, schema.Format) = (JsonSchemaType.String, "date-time");
            schema.Pattern = null;
        }
        else if (type == typeof(RoomEvent) || type == typeof(TimelineItem))
        {
            DescribeEvent(schema, isItem: type == typeof(TimelineItem));
        }
        else if (type == typeof(ProblemError) && schema.Properties?.TryGetValue("code", out IOpenApiSchema? code) == true && code is OpenApiSchema text)
        {
            text.Enum = [.. Enum.GetValues<ErrorCode>().Select(one => (JsonNode)ErrorTable.NameOf(one))];
        }

        return Task.CompletedTask;
    }

    public static bool IsId(Type? type) =>
        type?.GetInterfaces().Any(one => one.IsGenericType && one.GetGenericTypeDefinition() == typeof(ITypedId<>)) == true;

    private static OpenApiSchema? ItemsOf(Type element)
    {
        if (IsId(element))
        {
            return new OpenApiSchema { Type = JsonSchemaType.String, Format = "uuid" };
        }

        if (element != typeof(RoomEvent) && element != typeof(TimelineItem))
        {
            return null;
        }

        OpenApiSchema items = new();
        DescribeEvent(items, isItem: element == typeof(TimelineItem));
        return items;
    }

    private static void DescribeEvent(OpenApiSchema schema, bool isItem)
    {
        Dictionary<string, IOpenApiSchema> fields = new(StringComparer.Ordinal)
        {
            ["seq"] = Number("The place in the room's log."),
            ["type"] = new OpenApiSchema
            {
                Type = JsonSchemaType.String,
                Enum = [.. Enum.GetValues<EventType>().Select(one => (JsonNode)Encoding.UTF8.GetString(EventJson.NameOf(one)))],
            },
            ["sender"] = Id("Who did it."),
            ["at"] = Time("For people; order is by seq alone."),
            ["clientId"] = Id("As the client chose it."),
            ["target"] = Number("The seq of the message that the event is about."),
            ["text"] = Text(null),
            ["replyTo"] = Number("The seq of the message that is answered."),
            ["emoji"] = Text(null),
            ["deleted"] = new OpenApiSchema { Type = JsonSchemaType.Boolean, Description = "true in place of a text that was erased." },
            ["user"] = Id("The member that the event is about."),
            ["role"] = OneOf<RoomRole>(),
            ["kind"] = OneOf<RoomKind>(),
            ["name"] = Text(null),
            ["topic"] = Text(null),
        };
        if (isItem)
        {
            fields["rev"] = Number("The seq of the last event that changed the message; events up to it are in the item already.");
            fields["editedAt"] = Time("Time of the last edit.");
            fields["pinned"] = new OpenApiSchema { Type = JsonSchemaType.Boolean };
            fields["reactions"] = new OpenApiSchema { Type = JsonSchemaType.Array, Description = "In order of first use.", Items = Reaction() };
        }

        schema.Type = JsonSchemaType.Object;
        schema.Properties = fields;
        schema.Required = new HashSet<string>(["seq", "type", "sender", "at"], StringComparer.Ordinal);
        schema.Description = isItem
            ? "An event as a person sees it: a message in its present state, or another event as it was. Which fields there are follows from its type."
            : "One entry of a room's log. Which fields there are follows from its type; clients ignore types and fields that they do not know.";
    }

    private static OpenApiSchema Reaction() => new()
    {
        Type = JsonSchemaType.Object,
        Properties = new Dictionary<string, IOpenApiSchema>(StringComparer.Ordinal)
        {
            ["emoji"] = Text(null),
            ["users"] = new OpenApiSchema { Type = JsonSchemaType.Array, Items = Id("At most 50 of them."), MaxItems = RoomLimits.ReactionUsersMax },
            ["count"] = Number("All of them."),
        },
        Required = new HashSet<string>(["emoji", "users", "count"], StringComparer.Ordinal),
    };

    private static OpenApiSchema Number(string about) => new() { Type = JsonSchemaType.Integer, Format = "int64", Description = about };

    private static OpenApiSchema Text(string? about) => new() { Type = JsonSchemaType.String, Description = about };

    private static OpenApiSchema Id(string about) => new() { Type = JsonSchemaType.String, Format = "uuid", Description = about };

    private static OpenApiSchema Time(string about) => new() { Type = JsonSchemaType.String, Format = "date-time", Description = about };

    private static OpenApiSchema OneOf<T>()
        where T : struct, Enum =>
        new() { Type = JsonSchemaType.String, Enum = [.. Enum.GetNames<T>().Select(name => (JsonNode)name.ToLowerInvariant())] };
}
