// Stand-in for k6/websockets. It is not k6, and keeps to what k6's own is known to do where a script could notice.
import { WebSocket as Socket } from 'ws';
import { sample } from './metrics.ts';
import { hold } from './vu.ts';

const connecting = 0, open = 1, closing = 2, closed = 3;

interface Params {
  headers?: Record<string, string>;
  tags?: Record<string, string>;
}

interface Event {
  type: string;
  timestamp: number;
  data?: string | ArrayBuffer;
  error?: string;
  code?: number;
}

type Listener = ((event: Event) => void) | null;

export class WebSocket {
  readonly url: string;
  onopen: Listener = null;
  onmessage: Listener = null;
  onerror: Listener = null;
  onclose: Listener = null;
  readonly #socket: Socket;
  readonly #release = hold();
  #state = connecting;

  constructor(url: string, _protocols?: null, params: Params = {}) {
    if (!/^wss?:/.test(url)) throw new Error(`k6 takes ws and wss, and not ${url}.`);
    if (params.tags?.['name'] === undefined) throw new Error('The socket has no tag "name": its address would become one.');
    this.url = url;
    sample('ws_sessions', 1, params.tags);
    this.#socket = new Socket(url, { headers: params.headers ?? {}, perMessageDeflate: false });
    this.#socket.on('open', () => {
      this.#state = open;
      this.onopen?.(this.#event('open'));
    });
    this.#socket.on('message', (data, isBinary) => {
      // k6 drops what comes while it closes.
      if (this.#state !== open) return;
      this.onmessage?.(this.#event('message', { data: isBinary ? new ArrayBuffer(0) : String(data) }));
    });
    this.#socket.on('error', (error) => this.#end(error.message));
    this.#socket.on('close', (code) => this.#end(code === 1000 || code === 1001 ? undefined : `websocket: close ${code}`));
  }

  get readyState(): number {
    return this.#state;
  }

  send(data: string): void {
    if (this.#state !== open) throw new Error('InvalidStateError');
    this.#socket.send(data);
  }

  close(): void {
    if (this.#state === connecting) throw new Error('k6 hangs when a socket is closed before it is open.');
    if (this.#state !== open) return;
    this.#state = closing;
    this.#socket.close(1000);
  }

  /** An error, if there is one, and then the end; once. */
  #end(error?: string): void {
    if (this.#state === closed) return;
    this.#state = closed;
    try {
      if (error !== undefined) this.onerror?.(this.#event('error', { error }));
      this.onclose?.(this.#event('close'));
    } finally {
      this.#release();
    }
  }

  #event(type: string, more: Partial<Event> = {}): Event {
    return { type, timestamp: performance.timeOrigin + performance.now(), ...more };
  }
}
