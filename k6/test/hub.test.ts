import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { test, type TestContext } from 'node:test';
import { WebSocketServer, type WebSocket } from 'ws';
import { frame, separator } from '../protocol/frames.ts';
import type { HubOptions } from '../protocol/hub.ts';
import { linkModules } from './stand-in/run.ts';

linkModules();
const { CallError, Hub } = await import('../protocol/hub.ts');
const { Client } = await import('../protocol/client.ts');

/** A server by hand, and a hub that is connected to it. What the hub sends is in `next`, frame by frame. */
async function connect(t: TestContext, options: Partial<HubOptions> = {}) {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => {
    for (const client of server.clients) client.terminate();
    server.close();
  });
  const accepted = once(server, 'connection') as Promise<[WebSocket]>;
  const hub = new Hub({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/hub`, token: 't', callTimeoutMs: 5_000, onMessage: () => undefined, ...options });
  const [socket] = await accepted;
  const frames: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  socket.on('message', (data) => {
    for (const text of String(data).split(separator).slice(0, -1)) (waiting.shift() ?? ((one) => frames.push(one)))(text);
  });
  const next = async (): Promise<string> => frames.shift() ?? (await new Promise<string>((resolve) => waiting.push(resolve)));
  assert.equal(await hub.opened, true);
  assert.equal(await next(), '{"protocol":"json","version":1}');
  return { hub, socket, next };
}

test('a hub that has nothing to say pings after 15 s, and gives up after 30 s of silence', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const { hub, next } = await connect(t);
  t.mock.timers.tick(14_000);
  const call = hub.call('Rooms', {}).catch((error: unknown) => error);
  assert.match(await next(), /"target":"Rooms"/, 'nothing else was sent before');
  t.mock.timers.tick(15_000);
  assert.equal(await next(), '{"type":6}');
  t.mock.timers.tick(2_000);
  assert.equal((await hub.ended).how, 'silent');
  assert.ok((await call) instanceof CallError);
});

test('a call without an answer fails in time, and the connection stays', async (t) => {
  t.mock.timers.enable({ apis: ['setInterval', 'Date'] });
  const { hub } = await connect(t);
  const call = hub.call('Rooms', {});
  t.mock.timers.tick(6_000);
  await assert.rejects(call, /Rooms was not answered/);
  assert.equal(hub.isOpen, true);
  hub.close();
  assert.equal((await hub.ended).how, 'asked');
});

test('answers come in any order, and a coded error says whether to try again', async (t) => {
  const { hub, socket, next } = await connect(t);
  const first = hub.call('Rooms', {});
  const second = hub.call('Rooms', {});
  const [one, two] = [await next(), await next()].map((text) => (JSON.parse(text) as { invocationId: string }).invocationId);
  socket.send('{}' + separator + frame({ type: 3, invocationId: two, result: { error: { code: 'unavailable', message: '', retryAfterMs: 7 } } }));
  await assert.rejects(second, (error) => error instanceof CallError && error.code === 'unavailable' && error.retryAfterMs === 7);
  socket.send(frame({ type: 3, invocationId: one, result: { items: [] } }));
  assert.deepEqual(await first, { items: [] });
  hub.close();
  await hub.ended;
});

test('messages of the server are passed on with the time of their receipt', async (t) => {
  const heard: unknown[] = [];
  const before = Date.now();
  const { hub, socket } = await connect(t, {
    onMessage: (target, argument, receivedAt) => {
      heard.push(target, argument);
      assert.equal(receivedAt >= before && receivedAt <= Date.now() + 1, true);
    },
  });
  const ended = hub.ended;
  socket.send('{}' + separator + frame({ type: 6 }) + frame({ type: 1, target: 'Events', arguments: [{ room: 'r' }] }) + frame({ type: 7, error: 'going' }));
  assert.deepEqual(await ended, { how: 'told', detail: 'going' });
  assert.deepEqual(heard, ['Events', { room: 'r' }]);
});

test('an opening that is refused, frames that are no JSON and a socket that breaks end the connection', async (t) => {
  const refused = await connect(t);
  refused.socket.send('{"error":"no such protocol"}' + separator);
  assert.deepEqual(await refused.hub.ended, { how: 'told', detail: 'no such protocol' });

  const nonsense = await connect(t);
  nonsense.socket.send('{}' + separator + '<html>' + separator);
  assert.match((await nonsense.hub.ended).detail, /cannot be read/);

  const broken = await connect(t);
  const call = broken.hub.call('Rooms', {});
  broken.socket.terminate();
  await assert.rejects(call, (error) => error instanceof CallError && error.code === '(lost)');
  assert.equal((await broken.hub.ended).how, 'lost');
  await assert.rejects(broken.hub.call('Rooms', {}), /not open/);
});

test('a server that lets nobody in is told apart from a connection that broke', async (t) => {
  const server = http.createServer().on('upgrade', (_, socket) => socket.end('HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n\r\n'));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const hub = new Hub({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/hub`, token: 't', callTimeoutMs: 5_000, onMessage: () => undefined });
  assert.equal(await hub.opened, false);
  assert.equal((await hub.ended).how, 'refused');
});

test('a client that is asked to connect anew hears of it at once, whatever it waits for', async (t) => {
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1' });
  await once(server, 'listening');
  t.after(() => server.close());
  server.on('connection', (socket) => {
    socket.on('message', (data) => {
      if (String(data).includes('"Hello"')) socket.send('{}' + separator + frame({ type: 3, invocationId: '1', result: { protocol: 1 } }));
    });
  });
  const nothing = () => undefined;
  const witness = { event: nothing, gap: nothing, duplicate: nothing, told: nothing, reset: nothing, called: nothing, lost: nothing };
  const client = new Client({ url: `ws://127.0.0.1:${(server.address() as AddressInfo).port}/hub`, callTimeoutMs: 5_000, lateMs: 5_000 }, witness);
  assert.equal(await client.connect('t'), undefined);
  const interrupted = client.interrupted();
  assert.equal(client.reconnectAfterMs, undefined);
  for (const socket of server.clients) socket.send(frame({ type: 1, target: 'Reconnect', arguments: [{ afterMs: 70 }] }));
  await interrupted;
  assert.equal(client.isConnected, true);
  assert.equal(client.reconnectAfterMs, 70);
  assert.equal((await client.close())?.how, 'asked');
});
