import { once } from 'node:events';
import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocket, WebSocketServer } from 'ws';
import { FrameBuffer, separator } from '../protocol/frames.ts';

/**
 * What it does to the hub's frames, once, after some of them went through whole: `gap` leaves a message out; `duplicate` sends one again; `withheld` keeps from one connection all that is
 * pushed from then on; `swallowed` acknowledges a `Send` that it does not pass on; `limited` answers one with an error; `cut` breaks one connection; `nonsense` answers requests for the
 * list of rooms with something else. `told` and `moved` are no mistakes: a server says so to a client that fell behind, or that should connect to another node.
 * Whatever the fault, frames are cut into parts and put together at random, as WebSockets may.
 */
export const faults = ['none', 'gap', 'duplicate', 'withheld', 'swallowed', 'limited', 'cut', 'nonsense', 'told', 'moved'] as const;
export type Fault = (typeof faults)[number];

/** Those that hit what is pushed. */
const ofEvents: Fault[] = ['gap', 'duplicate', 'withheld', 'cut', 'told', 'moved'];

interface HubFrame {
  type?: number;
  target?: string;
  invocationId?: string;
  arguments?: { room?: string; epoch?: number; events?: { type: string; seq: number }[] }[];
}

/** Stands between clients and a server and makes one mistake, to see that a load test notices. It works before k6 itself too. */
export class FaultyProxy {
  readonly #server: Server;
  readonly #upgrades = new WebSocketServer({ noServer: true, perMessageDeflate: false });
  readonly #to: URL;
  readonly #fault: Fault;
  /** Frames that the fault could have hit and that went through. */
  #spared: number;
  #victim: object | undefined;
  #isDone = false;

  private constructor(to: string, fault: Fault, after: number) {
    this.#to = new URL(to);
    this.#fault = fault;
    this.#spared = after;
    this.#server = http.createServer((request, response) => this.#pass(request, response));
    this.#server.on('upgrade', (request, socket, head) => this.#join(request, socket, head));
  }

  static async start(to: string, fault: Fault, { after = 20, port = 0 } = {}): Promise<FaultyProxy> {
    const proxy = new FaultyProxy(to, fault, after);
    proxy.#server.listen(port, '127.0.0.1');
    await once(proxy.#server, 'listening');
    return proxy;
  }

  get address(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Whether the fault was made. */
  get isDone(): boolean {
    return this.#isDone;
  }

  async stop(): Promise<void> {
    for (const client of this.#upgrades.clients) client.terminate();
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  #pass(request: IncomingMessage, response: ServerResponse): void {
    if (this.#fault === 'nonsense' && request.url?.startsWith('/api/rooms?')) {
      this.#isDone = true;
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}');
      return;
    }

    const options = { method: request.method ?? 'GET', headers: { ...request.headers, host: this.#to.host }, agent: false };
    const onward = http.request(new URL(request.url ?? '/', this.#to), options, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    onward.on('error', () => response.destroy());
    request.pipe(onward);
  }

  /** The server's half is opened first, so that its refusal can be passed on. */
  #join(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    const address = new URL(request.url ?? '/', this.#to);
    address.protocol = 'ws:';
    const server = new WebSocket(address, { headers: { Authorization: request.headers.authorization ?? '' }, perMessageDeflate: false });
    server.on('error', () => socket.destroy());
    server.on('unexpected-response', (_, answer) => socket.end(`HTTP/1.1 ${answer.statusCode ?? 502} ${answer.statusMessage ?? ''}\r\nConnection: close\r\n\r\n`));
    server.on('open', () => this.#upgrades.handleUpgrade(request, socket, head, (client) => this.#relay(client, server)));
  }

  #relay(client: WebSocket, server: WebSocket): void {
    const down = new FrameBuffer();
    const up = new FrameBuffer();
    server.on('message', (data) => {
      const frames = down.push(String(data)).flatMap((frame) => this.#toClient(frame, client));
      for (const part of parts(frames.map((frame) => frame + separator).join(''))) client.send(part);
    });
    client.on('message', (data) => {
      for (const frame of up.push(String(data))) {
        const answer = this.#answerTo(frame);
        if (answer === undefined) server.send(frame + separator);
        else client.send(answer + separator);
      }
    });
    client.on('close', () => server.close());
    server.on('close', () => client.close());
    client.on('error', () => server.terminate());
  }

  #toClient(frame: string, client: WebSocket): string[] {
    if (!ofEvents.includes(this.#fault)) return [frame];
    const { type, target, arguments: [push] = [] } = JSON.parse(frame) as HubFrame;
    if (type !== 1 || target !== 'Events' || !push?.events?.some((event) => event.type === 'message.created')) return [frame];
    if (this.#victim === client && this.#fault === 'withheld') return [];
    if (!this.#isDue()) return [frame];
    this.#victim = client;
    switch (this.#fault) {
      case 'duplicate':
        return [frame, frame];
      case 'told':
        return [frame, pushed('Events', { room: push.room, epoch: push.epoch, head: push.events[0]?.seq, gap: true })];
      case 'moved':
        return [frame, pushed('Reconnect', { afterMs: 50 })];
      case 'cut':
        client.terminate();
        return [];
      default:
        return [];
    }
  }

  /** @returns what the client is answered without the server's having heard of its call. */
  #answerTo(frame: string): string | undefined {
    if (this.#fault !== 'swallowed' && this.#fault !== 'limited') return undefined;
    const { target, invocationId } = JSON.parse(frame) as HubFrame;
    if (target !== 'Send' || !this.#isDue()) return undefined;
    const error = { code: 'rate_limited', message: 'Slow down.', retryAfterMs: 50 };
    return JSON.stringify({ type: 3, invocationId, result: this.#fault === 'limited' ? { error } : { seq: 1_000_000_000, at: new Date().toISOString() } });
  }

  #isDue(): boolean {
    if (this.#isDone || this.#spared-- > 0) return false;
    this.#isDone = true;
    return true;
  }
}

function pushed(target: string, argument: unknown): string {
  return JSON.stringify({ type: 1, target, arguments: [argument] });
}

/** One text as one to three messages. None ends between the halves of a character. */
function parts(text: string): string[] {
  const result: string[] = [];
  let from = 0;
  for (let i = 0; i < 2; i++) {
    let to = from + Math.floor(Math.random() * (text.length - from));
    if (to > from && /[\uD800-\uDBFF]/.test(text[to - 1] ?? '')) to--;
    if (to > from) result.push(text.slice(from, to));
    from = to;
  }

  if (from < text.length) result.push(text.slice(from));
  return result;
}
