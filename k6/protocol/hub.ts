import { clearInterval, setInterval } from 'k6/timers';
import { WebSocket } from 'k6/websockets';
import { FrameBuffer, frame } from './frames.ts';
import type { CodedError } from './wire.ts';

const silenceMsMax = 30_000;
const pingEveryMs = 15_000;
const tickMs = 1_000;

/** A call that was answered with an error, or not at all. Codes in brackets are of this client and not of the protocol. */
export class CallError extends Error {
  readonly code: string;
  /** Set exactly when the call may be tried again as it is. */
  readonly retryAfterMs: number | undefined;

  constructor(error: CodedError) {
    super(`${error.code}: ${error.message}`);
    this.code = error.code;
    this.retryAfterMs = error.retryAfterMs;
  }
}

/** How a connection ended. */
export interface HubEnd {
  /** `asked`: by this side. `refused`: it never opened. `told`: the server said so in a frame. `lost`: the socket broke or was closed. */
  how: 'asked' | 'refused' | 'told' | 'silent' | 'lost';
  detail: string;
}

export interface HubOptions {
  /** `ws://…/hub` or `wss://…/hub`. */
  url: string;
  token: string;
  /** A call without an answer for so long has failed. */
  callTimeoutMs: number;
  /** What the server says of its own accord. `receivedAt`: milliseconds since 1970, when the message was read from the socket. */
  onMessage(target: string, argument: unknown, receivedAt: number): void;
}

interface Call {
  target: string;
  begunAt: number;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

interface Invocation {
  type?: number;
  target?: string;
  invocationId?: string;
  arguments?: unknown[];
  result?: { error?: CodedError } | null;
  error?: string;
}

/**
 * One connection to the hub, as section 5 of docs/protocol.md says: SignalR's JSON protocol over a WebSocket, without negotiation.
 * Calls may follow at once; their answers come in any order.
 */
export class Hub {
  /** Resolves once, whatever happens. */
  readonly ended: Promise<HubEnd>;
  readonly opened: Promise<boolean>;
  readonly #socket: WebSocket;
  readonly #options: HubOptions;
  readonly #buffer = new FrameBuffer();
  readonly #calls = new Map<string, Call>();
  #nextId = 1;
  #isOpen = false;
  #isGreeted = false;
  #lastSent = 0;
  #lastReceived = 0;
  #tick: number | undefined;
  #end: HubEnd | undefined;
  #settle: (end: HubEnd) => void = () => undefined;
  #settleOpened: (isOpen: boolean) => void = () => undefined;

  constructor(options: HubOptions) {
    this.#options = options;
    this.ended = new Promise((resolve) => (this.#settle = resolve));
    this.opened = new Promise((resolve) => (this.#settleOpened = resolve));

    // The token goes into a header: k6 makes tags of addresses, and a tag would tell it to every database of metrics.
    const socket = new WebSocket(options.url, null, { headers: { Authorization: `Bearer ${options.token}` }, tags: { name: 'hub' } });
    socket.onopen = () => this.#open();
    socket.onmessage = (event) => {
      if (event && typeof event.data === 'string') this.#receive(event.data, receiptOf(event.timestamp));
    };
    socket.onerror = (event) => this.#note({ how: this.#isOpen ? 'lost' : 'refused', detail: event?.error ?? 'unknown error' });
    socket.onclose = () => this.#closed();
    this.#socket = socket;
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#end;
  }

  /** @throws CallError */
  call<T>(target: string, argument: unknown): Promise<T> {
    if (!this.isOpen) return Promise.reject(new CallError({ code: '(closed)', message: 'The connection is not open.', retryAfterMs: 0 }));
    const id = String(this.#nextId++);
    const answer = new Promise<T>((resolve, reject) => {
      this.#calls.set(id, { target, begunAt: Date.now(), resolve: (result) => resolve(result as T), reject });
    });
    this.#send(frame({ type: 1, invocationId: id, target, arguments: [argument] }));
    return answer;
  }

  /** Ends the connection. To be called only once it is open: k6 hangs when a socket is closed while it connects. */
  close(how: HubEnd = { how: 'asked', detail: '' }): void {
    if (!this.isOpen) return;
    this.#note(how);
    this.#socket.close();
  }

  #open(): void {
    this.#isOpen = true;
    this.#lastReceived = Date.now();
    this.#send(frame({ protocol: 'json', version: 1 }));
    this.#tick = setInterval(() => this.#look(), tickMs);
    this.#settleOpened(true);
  }

  #send(text: string): void {
    this.#lastSent = Date.now();
    this.#socket.send(text);
  }

  #receive(message: string, receivedAt: number): void {
    if (this.#end) return;
    this.#lastReceived = Date.now();
    try {
      for (const text of this.#buffer.push(message)) this.#read(JSON.parse(text) as Invocation, receivedAt);
    } catch (error) {
      this.close({ how: 'told', detail: `what the server sent cannot be read: ${String(error)}` });
    }
  }

  #read(message: Invocation, receivedAt: number): void {
    if (!this.#isGreeted) {
      this.#isGreeted = true;
      if (message.error !== undefined) this.close({ how: 'told', detail: message.error });
      return;
    }

    switch (message.type) {
      case 1:
        this.#options.onMessage(message.target ?? '', message.arguments?.[0], receivedAt);
        break;
      case 3:
        this.#answer(message);
        break;
      case 7:
        this.close({ how: 'told', detail: message.error ?? 'the server closed the connection' });
        break;
      default:
        // A ping, or what a later version of the protocol has.
        break;
    }
  }

  #answer(message: Invocation): void {
    const call = this.#calls.get(message.invocationId ?? '');
    if (!call) return;
    this.#calls.delete(message.invocationId ?? '');
    if (message.error !== undefined) call.reject(new CallError({ code: '(invocation)', message: message.error }));
    else if (message.result?.error) call.reject(new CallError(message.result.error));
    else call.resolve(message.result);
  }

  /** Once a second: pings, silence, calls without an answer. One timer for all, since there are thousands of clients. */
  #look(): void {
    const now = Date.now();
    if (now - this.#lastReceived > silenceMsMax) {
      this.close({ how: 'silent', detail: `nothing came for ${silenceMsMax / 1_000} s` });
      return;
    }

    if (now - this.#lastSent >= pingEveryMs) this.#send(frame({ type: 6 }));
    for (const [id, call] of this.#calls) {
      if (now - call.begunAt < this.#options.callTimeoutMs) continue;
      this.#calls.delete(id);
      call.reject(new CallError({ code: '(timeout)', message: `${call.target} was not answered`, retryAfterMs: 0 }));
    }
  }

  /** The first reason is the true one. */
  #note(end: HubEnd): void {
    if (this.#end) return;
    this.#end = end;
    if (this.#tick !== undefined) clearInterval(this.#tick);
    for (const call of this.#calls.values()) {
      call.reject(new CallError({ code: '(lost)', message: `the connection ended before ${call.target} was answered`, retryAfterMs: 0 }));
    }

    this.#calls.clear();
  }

  #closed(): void {
    this.#note({ how: this.#isOpen ? 'lost' : 'refused', detail: 'the socket was closed' });
    this.#settleOpened(false);
    if (this.#end) this.#settle(this.#end);
  }
}

/** k6 says when it read the message from the socket: later work of the same virtual user does not count. */
function receiptOf(timestamp: number | undefined): number {
  return timestamp !== undefined && timestamp > 1e12 ? timestamp : Date.now();
}
