using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.OpenApi;
using Microsoft.OpenApi;
using Monstera.Server.Accounts;
using Monstera.Server.Errors;

namespace Monstera.Server.OpenApi;

/// <summary>Adds to the generated document what the endpoints' types do not say: credentials, and the one error body.</summary>
internal sealed class ApiDescription : IOpenApiDocumentTransformer, IOpenApiOperationTransformer
{
    private const string ProblemName = "Problem";
    private const string CookieName = "session";
    private const string BearerName = "bearer";

    private const string About =
        """
        Chat that never loses, repeats or reorders a message. A room is a log of events numbered 1, 2, 3 …; a client is a cursor over it.
        The protocol, with the real-time hub and the rules for clients, is described in docs/protocol.md of the project.
        Every answer that is no success has the body `Problem`; its `error.code` says what to do.
        """;

    public async Task TransformAsync(OpenApiDocument document, OpenApiDocumentTransformerContext context, CancellationToken cancellationToken)
    {
        document.Info = new OpenApiInfo { Title = "Monstera", Version = Workspace.Version, Description = About };

        // The server is where the document came from, whatever stands in front of it.
        document.Servers = [new OpenApiServer { Url = "/" }];
        OpenApiSchema problem = await context.GetOrCreateSchemaAsync(typeof(Problem), null, cancellationToken);
        document.AddComponent(ProblemName, Described(problem));
        document.AddComponent<IOpenApiSecurityScheme>(CookieName, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.ApiKey,
            In = ParameterLocation.Cookie,
            Name = SessionCookie.Name,
            Description = "The session of a browser. Any method but GET and HEAD needs an Origin that is the server's own or allowed.",
        });
        document.AddComponent<IOpenApiSecurityScheme>(BearerName, new OpenApiSecurityScheme
        {
            Type = SecuritySchemeType.Http,
            Scheme = "bearer",
            Description = "A session's token (mst_…), made by signing in with \"token\": true, or a connection token: a JWT signed by the host product.",
        });
    }

    public Task TransformAsync(OpenApiOperation operation, OpenApiOperationTransformerContext context, CancellationToken cancellationToken)
    {
        operation.Responses ??= [];
        operation.Responses["default"] = new OpenApiResponse
        {
            Description = "Refused or failed; error.code says what to do. 429 and 503 carry Retry-After.",
            Content = new Dictionary<string, OpenApiMediaType>
            {
                [Problem.ContentType] = new() { Schema = new OpenApiSchemaReference(ProblemName, context.Document) },
            },
        };

        foreach (IOpenApiParameter parameter in operation.Parameters ?? [])
        {
            Type? type = context.Description.ParameterDescriptions.FirstOrDefault(one => one.Name == parameter.Name)?.Type;
            if (WireSchemas.IsId(type) && parameter is OpenApiParameter own)
            {
                own.Schema = new OpenApiSchema { Type = JsonSchemaType.String, Format = "uuid" };
            }
        }

        IList<object> metadata = context.Description.ActionDescriptor.EndpointMetadata;
        if (metadata.OfType<IAuthorizeData>().Any() && !metadata.OfType<IAllowAnonymous>().Any())
        {
            operation.Security =
            [
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(CookieName, context.Document)] = [] },
                new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(BearerName, context.Document)] = [] },
            ];
        }

        return Task.CompletedTask;
    }

    /// <summary>The closed set of codes, and an example.</summary>
    private static OpenApiSchema Described(OpenApiSchema problem)
    {
        problem.Description = "An error: RFC 9457 problem details around the error object of the protocol.";
        problem.Examples =
        [
            JsonNode.Parse(
                """
                {
                  "type": "urn:monstera:error:rate_limited", "title": "Too many calls", "status": 429,
                  "error": { "code": "rate_limited", "message": "Slow down: at most 100 writes a second for a user.", "retryAfterMs": 240 }
                }
                """)!,
        ];
        return problem;
    }
}
