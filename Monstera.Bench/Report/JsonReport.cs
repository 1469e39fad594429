using System.Runtime.InteropServices;
using System.Text.Json;

namespace Monstera.Bench.Report;

/// <summary>All figures for programs.</summary>
internal static class JsonReport
{
    private static readonly JsonWriterOptions Indented = new() { Indented = true };

    public static async Task Write(string path, BenchOptions options, DateTimeOffset at, IReadOnlyList<ScenarioResult> results)
    {
        await using FileStream file = File.Create(path);
        await using Utf8JsonWriter json = new(file, Indented);
        json.WriteStartObject();
        json.WriteString("at", at);
        json.WriteString("runtime", RuntimeInformation.FrameworkDescription);
        json.WriteString("system", RuntimeInformation.OSDescription);
        json.WriteNumber("processors", Environment.ProcessorCount);
        json.WriteBoolean("quick", options.IsQuick);
        json.WriteNumber("rounds", options.Rounds);
        json.WriteString("storage", options.IsPostgres ? "postgres" : "sqlite");
        json.WriteNumber("shards", options.Shards);
        json.WriteString("serverCores", options.ServerCores);
        json.WriteString("clientCores", options.ClientCores);
        json.WriteStartArray("scenarios");
        foreach (ScenarioResult result in results)
        {
            Write(json, result);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, ScenarioResult result)
    {
        json.WriteStartObject();
        json.WriteString("name", result.Name);
        json.WriteString("title", result.Title);
        json.WriteString("valueOf", result.ValueName);
        json.WriteString("referenceOf", result.ReferenceName);
        json.WriteStartArray("measures");
        foreach (Measured measured in result.Measures)
        {
            json.WriteStartObject();
            json.WriteString("figure", measured.Row.Figure);
            json.WriteString("unit", measured.Row.Unit);
            Write(json, "value", measured.Value);
            Write(json, "reference", measured.Reference);
            Write(json, "ratio", measured.Ratio);
            if (measured.Row.Target is { } target)
            {
                json.WriteString("targetOf", target.OfRatio ? "ratio" : "value");
                json.WriteNumber(target.AtLeast ? "atLeast" : "atMost", target.Goal);
                json.WriteBoolean("met", measured.IsMet(margin: 1) == true);
            }

            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Write(Utf8JsonWriter json, string name, double? value)
    {
        if (value is not { } number)
        {
            return;
        }

        // JSON has no numbers for what was divided by zero.
        if (double.IsFinite(number))
        {
            json.WriteNumber(name, number);
        }
        else
        {
            json.WriteNull(name);
        }
    }
}
