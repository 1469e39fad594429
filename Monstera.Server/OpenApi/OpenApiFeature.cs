namespace Monstera.Server.OpenApi;

/// <summary>The description of the REST API, for everybody and in every environment: the protocol is open.</summary>
public static class OpenApiFeature
{
    public static IServiceCollection AddApiDescription(this IServiceCollection services) => services.AddOpenApi("v1", options =>
    {
        options.ShouldInclude = description => description.RelativePath?.StartsWith("api/", StringComparison.Ordinal) == true;
        options.AddDocumentTransformer<ApiDescription>();
        options.AddDocumentTransformer<AbsentFields>();
        options.AddOperationTransformer<ApiDescription>();
        options.AddSchemaTransformer<WireSchemas>();
    });

    public static void MapApiDescription(this IEndpointRouteBuilder routes) => routes.MapOpenApi("/openapi/{documentName}.json").AllowAnonymous();
}
