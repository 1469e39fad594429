import { beforeEach, describe, expect, test } from 'vitest';
import { FakeServer } from '../testing/fake-server';
import { ManualClock, seeded, settled } from '../testing/manual-clock';
import type { MessagePage, Seq } from '../wire/protocol';
import type { ConnectionStatus, SessionCheck } from './connection';
import { Engine, type EngineListener } from './engine';
import { isMessage } from './fold';

let server: FakeServer;
let clock: ManualClock;
let session: SessionCheck;
let applied: Map<string, Seq[]>;
let statuses: ConnectionStatus['state'][];
let signedOut: string[];
let delayPage: (page: MessagePage) => Promise<MessagePage>;

beforeEach(() => {
  server = new FakeServer();
  clock = new ManualClock();
  session = 'ok';
  applied = new Map();
  statuses = [];
  signedOut = [];
  delayPage = async (page) => page;
});

function start(): Engine {
  const ignore = () => undefined;
  const listener: EngineListener = {
    hello: ignore, rooms: ignore, timeline: ignore, confirmed: ignore, restored: ignore, back: ignore, signal: ignore, opened: ignore,
    status: (status) => statuses.push(status.state),
    events: (room, events) => applied.set(room, [...(applied.get(room) ?? []), ...events.map((event) => event.seq)]),
    signedOut: (reason) => signedOut.push(reason),
  };
  const engine = new Engine({
    me: 'me', connect: server.connect, clock, checkSession: async () => session, isActive: () => true,
    rest: { ...server.rest, messages: async (room, where, limit) => delayPage(await server.rest.messages(room, where, limit)) },
  }, listener);
  engine.start();
  return engine;
}

function texts(engine: Engine, room = 'a'): (string | undefined)[] {
  return engine.rooms.get(room)?.timeline?.window.items.map((item) => (isMessage(item) ? item.text : item.type)) ?? [];
}

function connection() {
  const [first] = server.connections;
  if (!first) throw new Error('There is no connection.');
  return first;
}

describe('a connection', () => {
  test('says Hello, reads the rooms, resumes with every cursor, and only then is online', async () => {
    server.say('a', 'one');
    start();
    await settled();
    expect(server.calls.map((call) => call.method)).toEqual(['Hello', 'Rooms', 'Resume']);
    expect(server.calls[2]?.argument).toEqual({ rooms: [{ room: 'a', epoch: 1, seq: 1 }] });
    expect(statuses).toEqual(['connecting', 'online']);
  });

  test('is tried again with full jitter, and the delay grows to its ceiling', async () => {
    server.reachable = false;
    const engine = start();
    const delays: number[] = [];
    for (let failure = 0; failure < 23; failure++) {
      await settled();
      const { status } = engine;
      if (status.state !== 'waiting') throw new Error(status.state);
      delays.push(status.retryAt - clock.now());
      await clock.advance(delays.at(-1) ?? 0);
    }
    expect([0, 1, 2, 3, 4, 20, 21].map((failure) => delays[failure])).toEqual([250, 500, 1_000, 2_000, 2_500, 2_500, 15_000]);
  });

  test('is tried at once when somebody asks', async () => {
    server.reachable = false;
    const engine = start();
    await settled();
    server.reachable = true;
    engine.retryNow();
    await settled();
    expect(engine.status.state).toBe('online');
    await clock.advance(60_000);
    expect(server.connections.size).toBe(1);
  });

  test('moves to another node when the server asks, after the time it gives', async () => {
    const engine = start();
    await settled();
    const before = connection();
    before.handlers.reconnect(700);
    await clock.advance(699);
    expect(connection()).toBe(before);
    await clock.advance(1);
    expect(connection()).not.toBe(before);
    expect(engine.status.state).toBe('online');
  });

  test('ends for good when the session does', async () => {
    const engine = start();
    await settled();
    connection().handlers.signedOut('account_disabled');
    await clock.advance(120_000);
    expect(engine.status).toEqual({ state: 'signedOut', reason: 'account_disabled' });
    expect(signedOut).toEqual(['account_disabled']);
    expect(server.connections.size).toBe(0);
  });

  test('that is refused because the session is gone does not come back', async () => {
    server.reachable = false;
    session = 'ended';
    start();
    await settled();
    expect(signedOut).toEqual(['session_ended']);
  });

  test('that was given up does not deliver late frames', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    const { handlers } = connection();
    engine.networkChanged();
    await settled();
    handlers.events({ room: 'a', epoch: 1, events: [{ seq: 2, type: 'message.created', sender: 'x', at: '', text: 'ghost' }] });
    expect(engine.rooms.get('a')?.log.last).toBe(1);
  });
});

describe('events', () => {
  test('are applied once and in order when they come twice, early and late', async () => {
    server.say('a', 'one');
    start();
    await settled();
    const held: (() => void)[] = [];
    server.deliver = (push) => held.push(push);
    for (const text of ['two', 'three', 'four']) server.say('a', text);
    const [two, three, four] = held;
    four?.();
    three?.();
    three?.();
    two?.();
    await settled();
    two?.();
    expect(applied.get('a')).toEqual([2, 3, 4]);
  });

  test('that are lost are read from the log when a later one shows it', async () => {
    server.say('a', 'one');
    start();
    await settled();
    server.deliver = () => undefined;
    server.say('a', 'lost');
    server.deliver = (push) => push();
    server.say('a', 'seen');
    await settled();
    expect(applied.get('a')).toEqual([2, 3]);
    expect(server.calls.filter((call) => call.method === 'Resume')).toHaveLength(2);
  });

  test('that overtake the answer of their Resume wait for it', async () => {
    server.say('a', 'one');
    start();
    await settled();
    server.cutAll();
    server.say('a', 'two');
    let once = true;
    server.beforeAnswer = (method) => {
      if (method === 'Resume' && once) {
        once = false;
        server.say('a', 'three');
        expect(applied.get('a')).toBeUndefined();
      }
    };
    await clock.advance(1_000);
    expect(applied.get('a')).toEqual([2, 3]);
  });

  test('come in several answers when there are many', async () => {
    server.say('a', 'one');
    start();
    await settled();
    server.cutAll();
    server.resumeEventsMax = 3;
    for (let n = 0; n < 10; n++) server.say('a', `m${n}`);
    await clock.advance(1_000);
    expect(applied.get('a')).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    server.say('a', 'live');
    expect(applied.get('a')?.at(-1)).toBe(12);
  });

  test('after a gap are read from the cursor', async () => {
    server.say('a', 'one');
    start();
    await settled();
    server.deliver = () => undefined;
    server.say('a', 'two');
    server.deliver = (push) => push();
    connection().gap('a');
    await settled();
    server.say('a', 'three');
    expect(applied.get('a')).toEqual([2, 3]);
  });

  test('of another epoch replace everything', async () => {
    for (const text of ['one', 'two', 'three']) server.say('a', text);
    const engine = start();
    engine.open('a');
    await settled();
    expect(texts(engine)).toEqual(['one', 'two', 'three']);
    const room = server.room('a');
    room.epoch = 2;
    room.events = room.events.slice(0, 1);
    server.say('a', 'restored', 'other');
    await settled();
    expect(texts(engine)).toEqual(['one', 'restored']);
    server.say('a', 'and on');
    await settled();
    expect(texts(engine)).toEqual(['one', 'restored', 'and on']);
  });

  test('of a room that is no more take it away', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    server.rooms.delete('a');
    connection().handlers.events({ room: 'a', epoch: 1, head: 2, gap: true });
    await settled();
    expect(engine.rooms.has('a')).toBe(false);
  });

  test('of unknown types move the cursor and change nothing', async () => {
    server.say('a', 'one');
    const engine = start();
    engine.open('a');
    await settled();
    server.append('a', { type: 'poll.opened', sender: 'x' });
    server.say('a', 'two');
    expect(texts(engine)).toEqual(['one', 'two']);
    expect(engine.rooms.get('a')?.log.last).toBe(3);
  });
});

describe('the first page', () => {
  test('and what happens while it is on its way make one timeline', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    let answer = () => undefined as void;
    const answered = new Promise<void>((resolve) => (answer = resolve));
    delayPage = async (page) => (await answered, page);
    engine.open('a');
    await settled();
    server.say('a', 'two');
    server.append('a', { type: 'message.edited', sender: 'other', target: 1, text: 'one, edited' });
    answer();
    await settled();
    expect(texts(engine)).toEqual(['one, edited', 'two']);
  });

  test('that is older than the cursor is followed by the log from its head', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    const stale = server.page('a', {});
    server.say('a', 'two');
    delayPage = async () => stale;
    engine.open('a');
    await settled();
    expect(texts(engine)).toEqual(['one', 'two']);
    expect(engine.rooms.get('a')?.unread.value).toBe(2);
  });
});

describe('unread', () => {
  test('counts the messages of others after the marker, and nothing twice', async () => {
    server.say('a', 'one');
    server.say('a', 'mine', 'me');
    const engine = start();
    await settled();
    server.cutAll();
    server.say('a', 'two');
    server.say('a', 'three');
    await clock.advance(1_000);
    expect(engine.rooms.get('a')?.unread.value).toBe(3);
    server.say('a', 'four');
    server.append('a', { type: 'message.deleted', sender: 'other', target: 5 });
    expect(engine.rooms.get('a')?.unread.value).toBe(3);
  });

  test('is cleared at once by reading, and told to the server once for many', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    for (let n = 2; n <= 6; n++) {
      server.say('a', `m${n}`);
      engine.markRead('a', n);
    }
    expect(engine.rooms.get('a')?.unread.value).toBe(0);
    await clock.advance(3_000);
    expect(server.room('a').readSeq).toBe(6);
    expect(server.calls.filter((call) => call.method === 'MarkRead').length).toBeLessThanOrEqual(2);
  });

  test('is read while offline and told after', async () => {
    server.say('a', 'one');
    const engine = start();
    await settled();
    server.reachable = false;
    server.cutAll();
    engine.markRead('a', 1);
    await clock.advance(3_000);
    server.reachable = true;
    await clock.advance(60_000);
    expect(server.room('a').readSeq).toBe(1);
    expect(engine.rooms.get('a')?.unread.value).toBe(0);
  });

  test('follows what another tab has read', async () => {
    for (const text of ['one', 'two', 'three']) server.say('a', text);
    const engine = start();
    await settled();
    connection().handlers.signals([{ type: 'read', room: 'a', seq: 2, unread: 1 }]);
    expect(engine.rooms.get('a')?.unread.value).toBe(1);
  });
});

test('a write is repeated with the same clientId until it is answered', async () => {
  server.say('a', 'one');
  const engine = start();
  await settled();
  let failures = 2;
  server.beforeAnswer = (method, _argument, connected) => {
    if (method === 'React' && failures-- > 0) connected.cut();
  };
  const ack = engine.write('React', { room: 'a', clientId: 'r1', seq: 1, emoji: '👍' } as never);
  await clock.advance(120_000);
  expect((await ack).seq).toBe(2);
  expect(server.room('a').head).toBe(2);
});

test('a signal that the rooms changed brings the new room, live', async () => {
  const engine = start();
  await settled();
  server.say('b', 'hello');
  connection().handlers.signals([{ type: 'rooms' }]);
  await settled();
  expect([...engine.rooms.keys()]).toEqual(['b']);
  server.say('b', 'again');
  expect(applied.get('b')).toEqual([2]);
});

describe.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])('whatever the network does (seed %i)', (seed) => {
  test('every room ends equal to its log', async () => {
    const random = seeded(seed);
    clock = new ManualClock(random);
    const delayed: (() => void)[] = [];
    server.resumeEventsMax = 7;
    server.deliver = (push) => {
      const chance = random();
      if (chance < 0.15) return;
      if (chance < 0.3) push();
      if (chance < 0.5) delayed.push(push);
      else push();
    };
    for (const room of ['a', 'b']) for (let n = 0; n < 30; n++) server.say(room, `${room}${n}`);
    const engine = start();
    engine.open('a');
    for (let step = 0; step < 300; step++) {
      const room = random() < 0.5 ? 'a' : 'b';
      const head = server.room(room).head;
      const chance = random();
      if (chance < 0.55) server.say(room, `s${step}`, random() < 0.3 ? 'me' : 'other');
      else if (chance < 0.7) server.append(room, { type: 'message.edited', sender: 'other', target: 1 + Math.floor(random() * 30), text: `e${step}` });
      else if (chance < 0.8) server.append(room, { type: 'reaction.added', sender: `u${step}`, target: 1 + Math.floor(random() * 30), emoji: '👍' });
      else if (chance < 0.85) delayed.splice(0).forEach((push) => push());
      else if (chance < 0.9) server.cutAll();
      else if (chance < 0.94) for (const each of server.connections) each.gap(room);
      else if (chance < 0.97) engine.open(room);
      else void engine.readPage(room, { around: 1 + Math.floor(random() * head) });
      if (random() < 0.6) await clock.advance(Math.floor(random() * 400));
    }
    server.deliver = (push) => push();
    await clock.advance(60_000);
    for (const room of ['a', 'b']) server.say(room, 'the last');
    await clock.advance(60_000);
    for (const room of ['a', 'b']) {
      const state = engine.rooms.get(room);
      expect(state?.log.last).toBe(server.room(room).head);
      const seqs = applied.get(room) ?? [];
      expect(seqs).toEqual(seqs.map((_, index) => (seqs[0] ?? 0) + index));
      state?.timeline?.showTail();
      const shown = state?.timeline?.window.items ?? [];
      const stored = server.room(room).items();
      if (state?.timeline) expect(shown).toEqual(stored.slice(stored.length - shown.length));
      expect(state?.unread.value).toBe(server.describe(server.room(room)).unread);
    }
  });
});
