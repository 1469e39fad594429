using System.Text.Json;

namespace Monstera.Tests.Clients;

/// <summary>Reads answers of the hub.</summary>
public static class HubAnswers
{
    /// <summary>The code of a coded error; null when the answer is a result.</summary>
    public static string? Code(this JsonElement answer) =>
        answer.ValueKind == JsonValueKind.Object && answer.TryGetProperty("error", out JsonElement error) ? error.GetProperty("code").GetString() : null;

    public static string? Message(this JsonElement answer) => answer.GetProperty("error").GetProperty("message").GetString();

    public static int? RetryAfterMs(this JsonElement answer) =>
        answer.GetProperty("error").TryGetProperty("retryAfterMs", out JsonElement ms) ? ms.GetInt32() : null;

    public static long Seq(this JsonElement answer)
    {
        Assert.True(answer.Code() is null, $"Expected an acknowledgement, got {answer.GetRawText()}");
        return answer.GetProperty("seq").GetInt64();
    }

    /// <summary>Says Hello and returns the answer.</summary>
    public static async Task<JsonElement> Hello(this HubSocket hub)
    {
        JsonElement hello = await hub.Call("Hello", new { protocol = 1, client = "tests" });
        Assert.Null(hello.Code());
        return hello;
    }

    /// <summary>The answer to a Resume of one room.</summary>
    public static async Task<JsonElement> Resume(this HubSocket hub, Guid room, long? seq = null, long? epoch = null)
    {
        Dictionary<string, object> one = new(StringComparer.Ordinal) { ["room"] = room };
        if (seq is not null)
        {
            one["seq"] = seq;
        }

        if (epoch is not null)
        {
            one["epoch"] = epoch;
        }

        JsonElement answer = await hub.Call("Resume", new { rooms = new[] { one } });
        Assert.True(answer.Code() is null, answer.GetRawText());
        return Assert.Single(answer.GetProperty("rooms").EnumerateArray());
    }

    public static Task<JsonElement> Send(this HubSocket hub, Guid room, string text, Guid? clientId = null) =>
        hub.Call("Send", new { room, clientId = clientId ?? Guid.NewGuid(), text });
}
