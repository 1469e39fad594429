using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;

namespace Monstera.Server.OpenApi;

/// <summary>
/// The generator takes a C# null for a JSON null. On this wire a field without a value is left out, so what may be null there is a field that need not be there here.
/// </summary>
internal sealed class AbsentFields : IOpenApiDocumentTransformer
{
    public Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        foreach (IOpenApiSchema schema in document.Components?.Schemas?.Values ?? [])
        {
            Mend(schema);
        }

        return Task.CompletedTask;
    }

    private static void Mend(IOpenApiSchema schema)
    {
        // A reference is mended where it leads.
        if (schema is not OpenApiSchema { Properties: { } properties } own)
        {
            return;
        }

        foreach ((string name, IOpenApiSchema property) in properties.ToList())
        {
            if (WithoutNull(property) is { } mended)
            {
                properties[name] = mended;
                own.Required?.Remove(name);
            }

            Mend(properties[name]);
        }
    }

    /// <returns>Null when the schema knows no null.</returns>
    private static IOpenApiSchema? WithoutNull(IOpenApiSchema schema)
    {
        if (schema is not OpenApiSchema own)
        {
            return null;
        }

        if (own.OneOf is [{ Type: JsonSchemaType.Null }, { } only])
        {
            return only;
        }

        if (own.Type is { } type && type.HasFlag(JsonSchemaType.Null))
        {
            own.Type = type & ~JsonSchemaType.Null;
            return own;
        }

        return null;
    }
}
