using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;

namespace Monstera.Tests.Fixtures;

/// <summary>Calls the REST API as a program or as a browser would, and keeps nothing but what a test gave it.</summary>
public sealed class RestClient(string address)
{
    public const string Password = "correct horse";

    private static readonly HttpClient Http = new(new SocketsHttpHandler { UseCookies = false, AllowAutoRedirect = false });

    /// <summary>Sent as bearer token.</summary>
    public string? Token { get; set; }

    /// <summary>Sent as the session cookie.</summary>
    public string? Cookie { get; set; }

    /// <summary>Sent as Origin.</summary>
    public string? Origin { get; set; }

    /// <summary>Sent with every request.</summary>
    public Dictionary<string, string> Headers { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The user who is signed in.</summary>
    public string UserId { get; private set; } = "";

    public RestClient SignedIn(Answer answer)
    {
        Token = answer["token"].GetString();
        UserId = answer["user"].GetProperty("id").GetString()!;
        return this;
    }

    public Task<Answer> Get(string path) => Send(HttpMethod.Get, path);

    public Task<Answer> Post(string path, object? body = null) => Send(HttpMethod.Post, path, body);

    public Task<Answer> Put(string path, object? body = null) => Send(HttpMethod.Put, path, body);

    public Task<Answer> Patch(string path, object? body = null) => Send(HttpMethod.Patch, path, body);

    public Task<Answer> Delete(string path) => Send(HttpMethod.Delete, path);

    /// <param name="body">A text is sent as it is, bytes too, anything else as JSON.</param>
    public async Task<Answer> Send(HttpMethod method, string path, object? body = null, string contentType = "application/json")
    {
        using HttpRequestMessage request = new(method, address + path);
        if (body is not null)
        {
            byte[] bytes = body as byte[] ?? (body is string text ? Encoding.UTF8.GetBytes(text) : JsonSerializer.SerializeToUtf8Bytes(body));
            request.Content = new ByteArrayContent(bytes);
            request.Content.Headers.ContentType = MediaTypeHeaderValue.Parse(contentType);
        }

        if (Token is not null)
        {
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", Token);
        }

        if (Cookie is not null)
        {
            request.Headers.Add("Cookie", "monstera_session=" + Cookie);
        }

        if (Origin is not null)
        {
            request.Headers.Add("Origin", Origin);
        }

        foreach ((string name, string value) in Headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }

        using HttpResponseMessage response = await Http.SendAsync(request, TestContext.Current.CancellationToken);
        return new Answer(
            (int)response.StatusCode,
            await response.Content.ReadAsStringAsync(TestContext.Current.CancellationToken),
            response.Headers.Concat(response.Content.Headers).ToDictionary(
                header => header.Key, header => string.Join("\n", header.Value), StringComparer.OrdinalIgnoreCase));
    }
}

/// <summary>What came back.</summary>
public sealed record Answer(int Status, string Text, IReadOnlyDictionary<string, string> Headers)
{
    public JsonElement Body => JsonDocument.Parse(Text).RootElement;

    public JsonElement this[string field] => Body.GetProperty(field);

    /// <summary>The items of a list.</summary>
    public IReadOnlyList<JsonElement> Items => [.. this["items"].EnumerateArray()];

    public string? Header(string name) => Headers.TryGetValue(name, out string? value) ? value : null;

    /// <summary>The token in the cookie that was set; empty when it was taken back, null when there is none.</summary>
    public string? SessionCookie =>
        Header("Set-Cookie") is { } cookie && cookie.StartsWith("monstera_session=", StringComparison.Ordinal) ? cookie["monstera_session=".Length..cookie.IndexOf(';', StringComparison.Ordinal)] : null;

    /// <summary>Checks that this is the one error body, whole and consistent, and with this code.</summary>
    public Answer Is(string code, int status, string? mentions = null)
    {
        Assert.True(Status == status, $"expected {status} {code}, got {Status}: {Text}");
        Assert.Equal("application/problem+json", Header("Content-Type"));
        Assert.Equal("urn:monstera:error:" + code, this["type"].GetString());
        Assert.Equal(status, this["status"].GetInt32());
        Assert.NotEmpty(this["title"].GetString()!);
        JsonElement error = this["error"];
        Assert.Equal(code, error.GetProperty("code").GetString());
        string message = error.GetProperty("message").GetString()!;
        Assert.NotEmpty(message);
        Assert.DoesNotContain("Monstera.Server", message, StringComparison.Ordinal);
        if (mentions is not null)
        {
            Assert.Contains(mentions, message, StringComparison.Ordinal);
        }

        bool mayRetry = error.TryGetProperty("retryAfterMs", out JsonElement retryAfterMs);
        Assert.Equal(mayRetry && status is 429 or 503 && mayRetry, Header("Retry-After") is not null);
        if (mayRetry && status is 429 or 503)
        {
            Assert.Equal(Math.Ceiling(retryAfterMs.GetInt32() / 1000.0), double.Parse(Header("Retry-After")!, System.Globalization.CultureInfo.InvariantCulture));
        }

        return this;
    }

    public Answer IsStatus(int status)
    {
        Assert.True(Status == status, $"expected {status}, got {Status}: {Text}");
        return this;
    }
}
