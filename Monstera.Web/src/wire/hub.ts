import { HttpTransportType, HubConnectionBuilder, HubConnectionState, LogLevel, type HubConnection } from '@microsoft/signalr';
import { CodedError, NoAnswerError, readWireError } from './errors';
import type { EventsFrame, Signal, SignedOutReason } from './protocol';

export interface HubHandlers {
  events(frame: EventsFrame): void;
  signals(signals: Signal[]): void;
  reconnect(afterMs: number): void;
  signedOut(reason: SignedOutReason): void;
  closed(): void;
}

/** One connection, from its start to its close; who wants another makes another. */
export interface Hub {
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Rejects with `CodedError` when refused and with `NoAnswerError` when the outcome is unknown. */
  call<T>(method: string, argument: unknown): Promise<T>;
}

export type HubFactory = (handlers: HubHandlers, attempt: number) => Hub;

/**
 * A WebSocket without negotiation needs no stickiness of a balancer and one round trip less. Where something in between
 * swallows WebSockets, every third attempt negotiates the other transports.
 */
export const connectHub: HubFactory = (handlers, attempt) => {
  const negotiate = attempt % 3 === 2;
  const connection: HubConnection = new HubConnectionBuilder()
    .withUrl('/hub', negotiate ? {} : { skipNegotiation: true, transport: HttpTransportType.WebSockets })
    .configureLogging(LogLevel.None)
    .build();
  connection.keepAliveIntervalInMilliseconds = 15_000;
  connection.serverTimeoutInMilliseconds = 30_000;

  connection.on('Events', (frame: EventsFrame) => handlers.events(frame));
  connection.on('Signals', (frame: { signals?: Signal[] }) => handlers.signals(frame.signals ?? []));
  connection.on('Reconnect', (frame: { afterMs?: number }) => handlers.reconnect(frame.afterMs ?? 0));
  connection.on('SignedOut', (frame: { reason?: SignedOutReason }) => handlers.signedOut(frame.reason ?? 'session_ended'));
  connection.onclose(() => handlers.closed());

  return {
    start: () => connection.start(),
    stop: () => connection.stop(),
    async call<T>(method: string, argument: unknown): Promise<T> {
      if (connection.state !== HubConnectionState.Connected) throw new NoAnswerError();
      let answer: unknown;
      try {
        answer = await connection.invoke(method, argument);
      } catch (error) {
        const message = error instanceof Error ? error.message : '';
        // The connection lives, so this was an answer, only not one of the protocol's: a bug of the server.
        if (connection.state === HubConnectionState.Connected) throw new CodedError({ code: 'internal', message });
        throw new NoAnswerError(message);
      }
      const refusal = readWireError(answer);
      if (refusal) throw new CodedError(refusal);
      return answer as T;
    },
  };
};
