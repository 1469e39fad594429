using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.SignalR;
using Microsoft.AspNetCore.SignalR.Protocol;
using Monstera.Server.Errors;

namespace Monstera.Server.Realtime;

/// <summary>
/// SignalR's JSON protocol, with one difference: a call that cannot be bound (no such method, wrong arguments) becomes a call of <see cref="ChatHub.Refuse"/>, so that it is
/// answered with a coded error like any other, instead of a text.
/// </summary>
public sealed class CodedHubProtocol(JsonHubProtocol json) : IHubProtocol
{
    private static readonly Error NoSuchMethod = new(ErrorCode.UnknownMethod, "The hub has no such method.");
    private static readonly Error NoStreams = Error.Invalid("type: calls are invocations (1) without streams.");

    public string Name => json.Name;

    public int Version => json.Version;

    public TransferFormat TransferFormat => json.TransferFormat;

    public bool IsVersionSupported(int version) => json.IsVersionSupported(version);

    public ReadOnlyMemory<byte> GetMessageBytes(HubMessage message) => json.GetMessageBytes(message);

    public void WriteMessage(HubMessage message, IBufferWriter<byte> output) => json.WriteMessage(message, output);

    public bool TryParseMessage(ref ReadOnlySequence<byte> input, IInvocationBinder binder, [NotNullWhen(true)] out HubMessage? message)
    {
        if (!json.TryParseMessage(ref input, binder, out message))
        {
            return false;
        }

        message = message switch
        {
            InvocationBindingFailureMessage failure => Refusal(failure.InvocationId, Describe(failure)),

            // Nobody but this class calls that method.
            HubMethodInvocationMessage call when IsRefuse(call.Target) => Refusal(call.InvocationId, NoSuchMethod),

            // What SignalR has and this protocol has not: it would be answered with a text instead of a code.
            StreamInvocationMessage stream => Refusal(stream.InvocationId, NoStreams),
            InvocationMessage { StreamIds.Length: > 0 } call => Refusal(call.InvocationId, NoStreams),
            _ => message,
        };
        return true;
    }

    private static bool IsRefuse(string target) => target.Equals(nameof(ChatHub.Refuse), StringComparison.OrdinalIgnoreCase);

    private static InvocationMessage Refusal(string? invocationId, Error error) => new(invocationId, nameof(ChatHub.Refuse), [error]);

    private static Error Describe(InvocationBindingFailureMessage failure)
    {
        Exception cause = failure.BindingFailure.SourceException;
        return cause switch
        {
            HubException => NoSuchMethod,

            // The path names the field; the exception's own message may hold parts of what was sent.
            JsonException { Path: { } path } => Error.Invalid($"{path}: missing, of the wrong type, or malformed."),
            _ when cause.InnerException is JsonException { Path: { } path } => Error.Invalid($"{path}: missing, of the wrong type, or malformed."),
            _ => Error.Invalid("A call takes exactly one argument, an object, as the protocol has it."),
        };
    }
}
