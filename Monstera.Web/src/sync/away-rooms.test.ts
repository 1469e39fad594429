import { beforeEach, describe, expect, test } from 'vitest';
import { memoryStore } from '../outbox/store';
import { Client } from '../testing/client';
import { FakeBrowser } from '../testing/fake-browser';
import { FakeServer } from '../testing/fake-server';
import { ManualClock, settled } from '../testing/manual-clock';

let server: FakeServer;
let clock: ManualClock;

beforeEach(() => {
  server = new FakeServer();
  clock = new ManualClock();
  for (const room of ['a', 'b']) server.say(room, `in ${room}`);
});

async function open(): Promise<Client> {
  const client = await Client.open(server, clock, new FakeBrowser(), memoryStore());
  await settled();
  return client;
}

const resumes = () => server.calls.filter((call) => call.method === 'Resume').map((call) => (call.argument as { rooms: { room: string }[] }).rooms.map((each) => each.room));

async function reconnect(): Promise<void> {
  server.cutAll();
  await clock.advance(1_000);
}

describe('a room whose storage does not answer', () => {
  test('stays in the list with what is known of it, and is marked', async () => {
    const client = await open();
    client.engine.open('b');
    await settled();
    server.away.add('b');
    await reconnect();
    expect(client.engine.status.state).toBe('online');
    expect([...client.engine.rooms.keys()]).toEqual(['a', 'b']);
    expect(client.texts('b')).toEqual(['in b']);
    expect([client.engine.isAway('a'), client.engine.isAway('b')]).toEqual([false, true]);
    await client.engine.refreshRooms();
    expect([...client.engine.rooms.keys()]).toEqual(['a', 'b']);
  });

  test('is asked for again by itself, after the time the server gives and later each time, while the others go on', async () => {
    await open();
    server.away.add('b');
    await reconnect();
    server.calls.length = 0;
    await clock.advance(120_000);
    const asked = resumes();
    expect(new Set(asked.flat())).toEqual(new Set(['b']));
    expect(asked.length).toBeGreaterThan(10);
    expect(asked.length).toBeLessThan(40);
    server.say('a', 'live');
    expect(resumes()).toEqual(asked);
  });

  test('comes back without a reload, with all that happened, and is read if it is shown', async () => {
    const client = await open();
    server.away.add('b');
    await reconnect();
    client.engine.open('b');
    await clock.advance(60_000);
    expect(client.engine.failedToRead('b')).toBe(true);
    server.say('b', 'meanwhile');
    server.away.delete('b');
    await clock.advance(10_000);
    expect(client.engine.isAway('b')).toBe(false);
    expect(client.engine.failedToRead('b')).toBe(false);
    expect(client.texts('b')).toEqual(['in b', 'meanwhile']);
    server.say('b', 'live');
    expect(client.texts('b')).toEqual(['in b', 'meanwhile', 'live']);
    const asked = resumes().length;
    await clock.advance(120_000);
    expect(resumes()).toHaveLength(asked);
  });

  test('takes what was written to it once it is back; what is written elsewhere does not wait for it', async () => {
    const client = await open();
    server.away.add('b');
    await reconnect();
    await client.outbox.add('b', 'for later');
    await client.outbox.add('a', 'for now');
    await clock.advance(40_000);
    expect(client.outbox.unsentOf('b').map((item) => item.state)).toEqual(['pending']);
    expect(server.room('a').items().at(-1)).toMatchObject({ text: 'for now' });
    server.away.delete('b');
    for (let step = 0; client.engine.isAway('b') && step < 100; step++) await clock.advance(100);
    expect(client.outbox.unsentOf('b')).toEqual([]);
    expect(server.room('b').items().at(-1)).toMatchObject({ text: 'for later' });
  });

  test('does not keep the others from being marked as read', async () => {
    const client = await open();
    server.away.add('a');
    client.engine.markRead('a', 1);
    client.engine.markRead('b', 1);
    await clock.advance(5_000);
    expect(server.room('b').readSeq).toBe(1);
    server.away.delete('a');
    await clock.advance(5_000);
    expect(server.room('a').readSeq).toBe(1);
  });

  test('is gone when the answer is that it is', async () => {
    const client = await open();
    server.away.add('b');
    await reconnect();
    server.away.delete('b');
    server.rooms.delete('b');
    await clock.advance(10_000);
    expect([...client.engine.rooms.keys()]).toEqual(['a']);
  });
});

describe('rooms of which nothing is known yet', () => {
  test('are counted, and come when their storage answers', async () => {
    server.away.add('b');
    const client = await open();
    expect([...client.engine.rooms.keys()]).toEqual(['a']);
    expect([...client.engine.missing]).toEqual(['b']);
    await clock.advance(60_000);
    expect([...client.engine.missing]).toEqual(['b']);
    server.away.delete('b');
    await clock.advance(10_000);
    expect([...client.engine.rooms.keys()]).toEqual(['a', 'b']);
    expect([...client.engine.missing]).toEqual([]);
    client.engine.open('b');
    await settled();
    server.say('b', 'live');
    expect(client.texts('b')).toEqual(['in b', 'live']);
    expect(clock.timers).toBe(0);
  });

  test('are found when some of them are back and others are not', async () => {
    for (const room of ['c', 'd', 'e', 'f']) server.say(room, `in ${room}`);
    for (const room of ['b', 'c', 'd', 'e', 'f']) server.away.add(room);
    let next = 0;
    clock = new ManualClock(() => (next = (next + 0.19) % 1));
    const client = await open();
    for (const room of ['e', 'f']) server.away.delete(room);
    await clock.advance(120_000);
    expect([...client.engine.missing]).toEqual(['b', 'c', 'd']);
    expect([...client.engine.rooms.keys()].sort()).toEqual(['a', 'e', 'f']);
  });

  test('are not asked for after the page is left', async () => {
    server.away.add('b');
    const client = await open();
    client.close();
    await clock.advance(60_000);
    expect(clock.timers).toBe(0);
  });
});
