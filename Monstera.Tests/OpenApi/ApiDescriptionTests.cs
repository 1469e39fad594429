using System.Text.Json;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.OpenApi;
using Microsoft.OpenApi.Reader;
using Monstera.Server.Errors;
using Monstera.Tests.Fixtures;

namespace Monstera.Tests.OpenApi;

public sealed class ApiDescriptionTests : IAsyncLifetime
{
    private RunningServer _server = null!;
    private JsonElement _document;

    public async ValueTask InitializeAsync()
    {
        _server = await RunningServer.Start();
        _document = (await _server.Anonymous().Get("/openapi/v1.json")).IsStatus(200).Body;
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private IEnumerable<(string Path, string Method, JsonElement Operation)> Operations() =>
        from path in _document.GetProperty("paths").EnumerateObject()
        from operation in path.Value.EnumerateObject()
        select (path.Name, operation.Name.ToUpperInvariant(), operation.Value);

    [Fact]
    public void Every_route_of_the_API_is_described_and_nothing_else()
    {
        string[] routes =
        [
            .. from endpoint in _server.Services.GetServices<EndpointDataSource>().SelectMany(source => source.Endpoints).OfType<RouteEndpoint>()
               let template = "/" + endpoint.RoutePattern.RawText!.Trim('/')
               where template.StartsWith("/api/", StringComparison.Ordinal)
               from method in endpoint.Metadata.GetMetadata<HttpMethodMetadata>()?.HttpMethods ?? []
               select $"{method} {template}",
        ];
        Assert.True(routes.Length >= 38, $"{routes.Length} routes");
        Assert.Equal(routes.Order(StringComparer.Ordinal), Operations().Select(one => $"{one.Method} {one.Path}").Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Each_operation_has_a_name_of_its_own_a_summary_its_success_and_the_error_body()
    {
        Assert.Distinct(Operations().Select(one => one.Operation.GetProperty("operationId").GetString()!));
        Assert.All(Operations(), one =>
        {
            Assert.NotEmpty(one.Operation.GetProperty("summary").GetString()!);
            JsonElement responses = one.Operation.GetProperty("responses");
            Assert.Contains(responses.EnumerateObject(), response => response.Name is "200" or "201" or "204");
            Assert.Equal(
                "#/components/schemas/Problem",
                responses.GetProperty("default").GetProperty("content").GetProperty("application/problem+json").GetProperty("schema").GetProperty("$ref").GetString());
        });
    }

    [Fact]
    public void Each_operation_says_which_credentials_it_wants()
    {
        string[] open = [.. Operations().Where(one => !one.Operation.TryGetProperty("security", out _)).Select(one => one.Path).Order(StringComparer.Ordinal)];
        Assert.Equal(["/api/join/{code}", "/api/register", "/api/setup", "/api/sign-in", "/api/workspace"], open);
        JsonElement schemes = _document.GetProperty("components").GetProperty("securitySchemes");
        Assert.Equal("monstera_session", schemes.GetProperty("session").GetProperty("name").GetString());
        Assert.Equal("bearer", schemes.GetProperty("bearer").GetProperty("scheme").GetString());
        Assert.All(
            Operations().Where(one => one.Operation.TryGetProperty("security", out _)),
            one => Assert.Equal(["session", "bearer"], one.Operation.GetProperty("security").EnumerateArray().Select(scheme => scheme.EnumerateObject().Single().Name)));
    }

    [Fact]
    public void Every_reference_leads_somewhere_and_every_schema_says_something()
    {
        foreach (JsonElement reference in All(_document).Where(one => one.ValueKind == JsonValueKind.Object && one.TryGetProperty("$ref", out _)))
        {
            JsonElement target = _document;
            string path = reference.GetProperty("$ref").GetString()!;
            foreach (string part in path.Split('/').Skip(1))
            {
                Assert.True(target.TryGetProperty(part, out target), path);
            }
        }

        foreach (JsonProperty schema in _document.GetProperty("components").GetProperty("schemas").EnumerateObject())
        {
            Assert.True(Says(schema.Value), schema.Name);
            if (schema.Value.TryGetProperty("properties", out JsonElement properties))
            {
                Assert.All(properties.EnumerateObject(), property => Assert.True(Says(property.Value), $"{schema.Name}.{property.Name}: {property.Value}"));
            }
        }

        static bool Says(JsonElement schema) =>
            schema.ValueKind == JsonValueKind.Object
            && new[] { "type", "$ref", "enum", "oneOf", "anyOf", "allOf" }.Any(keyword => schema.TryGetProperty(keyword, out _));
    }

    [Fact]
    public void The_error_schema_has_the_closed_set_of_codes_and_an_example_that_fits()
    {
        JsonElement schemas = _document.GetProperty("components").GetProperty("schemas");
        JsonElement example = schemas.GetProperty("Problem").GetProperty("examples")[0];
        Assert.Equal(429, example.GetProperty("status").GetInt32());
        string[] codes = [.. schemas.GetProperty("Problem").GetProperty("properties").GetProperty("error").GetProperty("properties").GetProperty("code").GetProperty("enum").EnumerateArray().Select(code => code.GetString()!)];
        Assert.Equal(Enum.GetValues<ErrorCode>().Select(ErrorTable.NameOf).Order(), codes.Order());
        Assert.Contains(example.GetProperty("error").GetProperty("code").GetString(), codes);
        foreach (string required in schemas.GetProperty("Problem").GetProperty("required").EnumerateArray().Select(name => name.GetString()!))
        {
            Assert.True(example.TryGetProperty(required, out _), required);
        }
    }

    [Fact]
    public void Ids_times_and_events_are_described_as_they_are_written()
    {
        JsonElement schemas = _document.GetProperty("components").GetProperty("schemas");
        JsonElement session = schemas.GetProperty("SessionView").GetProperty("properties");
        Assert.Equal("date-time", session.GetProperty("createdAt").GetProperty("format").GetString());
        Assert.Contains("uuid", All(_document).Where(one => one.ValueKind == JsonValueKind.Object && one.TryGetProperty("format", out JsonElement format) && format.ValueKind == JsonValueKind.String)
            .Select(one => one.GetProperty("format").GetString()));
        Assert.Contains("message.created", schemas.GetProperty("TimelineItem").GetRawText(), StringComparison.Ordinal);
        Assert.Contains("member.updated", schemas.GetProperty("LogView").GetProperty("properties").GetProperty("events").GetProperty("items").GetRawText(), StringComparison.Ordinal);
        Assert.Equal(["epoch", "head", "items"], Required("TimelinePage"));
        Assert.Equal(["epoch", "head", "id", "joinedAt", "kind", "members", "readSeq", "role", "unread"], Required("RoomView"));
        Assert.Equal(["kind", "name"], Required("CreateRoomRequest"));
        Assert.DoesNotContain("\"null\"", _document.GetRawText(), StringComparison.Ordinal);
        Assert.All(
            All(_document).Where(one => one.ValueKind == JsonValueKind.Object && one.TryGetProperty("type", out JsonElement type) && type.ValueKind == JsonValueKind.String && type.ValueEquals("array")),
            array => Assert.True(array.TryGetProperty("items", out _), array.GetRawText()));
        Assert.All(
            Operations().Where(one => one.Path.Contains("{room}", StringComparison.Ordinal)),
            one => Assert.Equal(
                "uuid",
                one.Operation.GetProperty("parameters").EnumerateArray().Single(parameter => parameter.GetProperty("name").GetString() == "room").GetProperty("schema").GetProperty("format").GetString()));

        IEnumerable<string?> Required(string schema) =>
            schemas.GetProperty(schema).GetProperty("required").EnumerateArray().Select(name => name.GetString()).Order(StringComparer.Ordinal);
    }

    [Fact]
    public void A_reader_of_the_format_finds_nothing_wrong()
    {
        ReadResult read = OpenApiDocument.Parse(_document.GetRawText(), "json");
        Assert.Empty(read.Diagnostic!.Errors);
        Assert.NotNull(read.Document);
    }

    private static IEnumerable<JsonElement> All(JsonElement element)
    {
        yield return element;
        IEnumerable<JsonElement> children = element.ValueKind switch
        {
            JsonValueKind.Object => element.EnumerateObject().Select(property => property.Value),
            JsonValueKind.Array => element.EnumerateArray(),
            _ => [],
        };
        foreach (JsonElement inner in children.SelectMany(All))
        {
            yield return inner;
        }
    }
}
