import { beforeEach, describe, expect, test } from 'vitest';
import { Client } from '../testing/client';
import { FakeBrowser } from '../testing/fake-browser';
import { FakeServer } from '../testing/fake-server';
import { ManualClock, settled } from '../testing/manual-clock';
import { CodedError } from '../wire/errors';
import { Sent, type SentItem } from './sent';
import { memoryStore, type LocalStore } from './store';

let server: FakeServer;
let clock: ManualClock;
let browser: FakeBrowser;
let local: LocalStore;

beforeEach(() => {
  server = new FakeServer();
  clock = new ManualClock();
  browser = new FakeBrowser();
  local = memoryStore();
});

async function open(): Promise<Client> {
  const client = await Client.open(server, clock, browser, local);
  await settled();
  return client;
}

async function write(client: Client, ...texts: string[]): Promise<void> {
  for (const text of texts) {
    await client.outbox.add('a', text);
    await settled();
  }
}

/** The server stops, is put back to an earlier state, and comes back. */
async function restore(head: number, meanwhile: () => void = () => undefined): Promise<void> {
  server.reachable = false;
  server.cutAll();
  server.putBack('a', head);
  meanwhile();
  server.reachable = true;
  await clock.advance(60_000);
  for (let turn = 0; turn < 5; turn++) await settled();
}

const inLog = () => server.room('a').items().map((item) => ('text' in item ? item.text : ''));

describe('what was sent from here', () => {
  const item = (n: number, at: number): SentItem => ({ clientId: `c${n}`, room: 'a', epoch: 1, seq: n, text: `m${n}`, at: new Date(at).toISOString() });

  test('is kept for two weeks, and no more of it than five hundred', async () => {
    const sent = new Sent(local.sent, clock);
    for (let n = 1; n <= 600; n++) await sent.note(item(n, clock.now()));
    const kept = await local.sent.all();
    expect(kept.map((each) => each.seq)).toEqual(Array.from({ length: 500 }, (_, n) => n + 101));
    await clock.advance(15 * 24 * 3_600_000);
    const later = new Sent(local.sent, clock);
    await later.restore();
    expect(later.before('a', 2)).toEqual([]);
    expect(await local.sent.all()).toEqual([]);
  });

  test('is gone when somebody signs out', async () => {
    const sent = new Sent(local.sent, clock);
    await sent.note(item(1, clock.now()));
    await sent.clear();
    expect(sent.before('a', 2)).toEqual([]);
    expect(await local.sent.all()).toEqual([]);
  });

  test('is not taken back to an earlier log by a tab that is behind', async () => {
    const [ahead, behind] = [new Sent(local.sent, clock), new Sent(local.sent, clock)];
    await behind.note(item(1, clock.now()));
    await ahead.note({ ...item(1, clock.now()), epoch: 2, text: '' });
    await behind.learn();
    await behind.note(item(1, clock.now()));
    expect(behind.before('a', 3)).toEqual([]);
    expect(await local.sent.all()).toEqual([{ ...item(1, clock.now()), epoch: 2, text: '' }]);
  });
});

describe('a log that was put back to an earlier state', () => {
  test('has its losses offered: own messages, and nothing of others', async () => {
    server.say('a', 'of Ben, kept');
    const client = await open();
    client.engine.open('a');
    await write(client, 'm1');
    server.say('a', 'of Ben, lost');
    await write(client, 'm2', 'm3');
    await restore(2);
    expect(client.lost('a')).toEqual(['m2', 'm3']);
    expect(client.texts('a')).toEqual(['of Ben, kept', 'm1']);
    expect(inLog()).toEqual(['of Ben, kept', 'm1']);
  });

  test('gets a message again with its clientId, once, when somebody says so', async () => {
    const client = await open();
    server.say('a', 'one');
    await client.engine.refreshRooms();
    client.engine.open('a');
    await write(client, 'm1', 'm2');
    const before = server.room('a').events.at(-1)?.clientId;
    await restore(2);
    const [offer] = client.outbox.lostIn('a');
    await client.outbox.retry(offer?.clientId ?? '');
    await settled();
    expect(inLog()).toEqual(['one', 'm1', 'm2']);
    expect(server.room('a').events.at(-1)?.clientId).toBe(before);
    expect(client.texts('a')).toEqual(['one', 'm1', 'm2']);
    expect(client.outbox.unsentOf('a')).toEqual([]);
    // And it is not missed again by the next who looks.
    client.close();
    expect((await open()).outbox.unsentOf('a')).toEqual([]);
  });

  test('asks again after a reload, and not after the answer', async () => {
    server.say('a', 'one');
    const first = await open();
    await write(first, 'm1', 'm2');
    await restore(1);
    first.close();
    const second = await open();
    expect(second.lost('a')).toEqual(['m1', 'm2']);
    for (const item of second.outbox.lostIn('a')) await second.outbox.discard(item.clientId);
    second.close();
    const third = await open();
    expect(third.lost('a')).toEqual([]);
    await restore(1);
    expect(third.lost('a')).toEqual([]);
    expect(inLog()).toEqual(['one']);
  });

  test('is noticed by a page that was not there when it happened', async () => {
    server.say('a', 'one');
    const first = await open();
    await write(first, 'm1', 'm2');
    first.close();
    await restore(2);
    const second = await open();
    expect(second.lost('a')).toEqual(['m2']);
  });

  test('is noticed when a room that was missing comes back', async () => {
    server.say('a', 'one');
    const first = await open();
    await write(first, 'm1');
    first.close();
    server.away.add('a');
    await restore(1);
    const second = await open();
    expect(second.lost('a')).toEqual([]);
    server.away.delete('a');
    await clock.advance(30_000);
    expect(second.lost('a')).toEqual(['m1']);
  });

  test('is noticed by a page that is read before anything else tells of it', async () => {
    server.say('a', 'one');
    server.say('b', 'elsewhere');
    const client = await open();
    await write(client, 'm1');
    server.putBack('a', 1);
    client.engine.open('a');
    await clock.advance(10_000);
    expect(client.lost('a')).toEqual(['m1']);
    expect(client.texts('a')).toEqual(['one']);
  });

  test('counts as unread what it says is unread', async () => {
    server.say('a', 'one');
    const client = await open();
    client.engine.markRead('a', 1);
    await settled();
    for (const text of ['two', 'three']) server.say('a', text);
    server.beforeCall = (method) => {
      if (method === 'Resume' && server.room('a').head === 3 && server.room('a').epoch === 2) server.say('a', 'between the list and the answer');
      return undefined;
    };
    await restore(2, () => server.say('a', 'since'));
    expect(client.engine.rooms.get('a')?.unread.value).toBe(3);
  });

  test('loses what another device of mine had sent and only this one still knows', async () => {
    server.say('a', 'one');
    server.say('a', 'from the phone, earlier', 'me', 'phone-1');
    const client = await open();
    client.engine.open('a');
    await settled();
    server.say('a', 'from the phone, seen', 'me', 'phone-2');
    await settled();
    await restore(1);
    expect(client.lost('a')).toEqual(['from the phone, earlier', 'from the phone, seen']);
  });

  test('offers what was acknowledged, though its event never came', async () => {
    server.say('a', 'one');
    const client = await open();
    server.deliver = () => undefined;
    await write(client, 'm1');
    expect(client.outbox.unsentOf('a')[0]?.state).toBe('sent');
    server.deliver = (push) => push();
    await restore(1);
    expect(client.lost('a')).toEqual(['m1']);
  });

  test('offers nothing that was sent again since, by whomever', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, 'm1', 'm2', 'm3');
    const again = server.room('a').events[2]?.clientId;
    await restore(1, () => {
      server.say('a', 'new of Ben');
      server.say('a', 'm2', 'me', again);
    });
    expect(client.lost('a')).toEqual(['m1', 'm3']);
    const [there] = (await local.sent.all()).filter((item) => item.clientId === again);
    expect(there).toMatchObject({ epoch: 2, seq: 3, at: server.room('a').events[2]?.at });
  });

  test('has its losses found under much that was written since, and asks for no more pages than that needs', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, ...Array.from({ length: 40 }, (_, n) => `m${n}`));
    server.calls.length = 0;
    await restore(31, () => {
      for (let n = 0; n < 400; n++) server.say('a', `since ${n}`);
    });
    expect(client.lost('a')).toEqual(Array.from({ length: 10 }, (_, n) => `m${n + 30}`));
    expect(server.calls.filter((call) => call.method === 'messages').length).toBeLessThanOrEqual(3);
  });

  test('does not offer what was deleted, and offers what was edited as it was last', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, 'm1', 'm2');
    server.append('a', { type: 'message.edited', sender: 'me', target: 2, text: 'm1, better' });
    server.append('a', { type: 'message.deleted', sender: 'me', target: 3 });
    await settled();
    await restore(1);
    expect(client.lost('a')).toEqual(['m1, better']);
  });

  test('lets go of what a lost message answered, unless that is the same as before', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, 'kept');
    await client.outbox.add('a', 'answers what is there', 1);
    await client.outbox.add('a', 'answers what is lost', 3);
    await settled();
    await restore(2);
    expect(client.outbox.lostIn('a').map((item) => [item.text, item.replyTo])).toEqual([['answers what is there', 1], ['answers what is lost', undefined]]);
  });

  test('takes what was not sent yet as usual', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, 'm1');
    await restore(1, () => void client.outbox.add('a', 'written meanwhile'));
    expect(inLog()).toEqual(['one', 'written meanwhile']);
    expect(client.lost('a')).toEqual(['m1']);
  });

  test('is looked through again when that failed', async () => {
    server.say('a', 'one');
    const client = await open();
    await write(client, 'm1');
    let failures = 3;
    const { messages } = server.rest;
    server.rest.messages = async (...parameters) => {
      if (failures-- > 0) throw new CodedError({ code: 'unavailable', message: '', retryAfterMs: 500 });
      return messages(...parameters);
    };
    await restore(1);
    expect(client.lost('a')).toEqual(['m1']);
  });

  test('is offered once by two tabs, and answered for both by either', async () => {
    server.say('a', 'one');
    const [one, two] = [await open(), await open()];
    one.engine.open('a');
    two.engine.open('a');
    await write(one, 'm1');
    await write(two, 'm2');
    await restore(1);
    for (const tab of [one, two]) expect(tab.lost('a')).toEqual(['m1', 'm2']);
    for (const item of two.outbox.lostIn('a')) await two.outbox.retry(item.clientId);
    await settled();
    for (const tab of [one, two]) expect(tab.outbox.unsentOf('a')).toEqual([]);
    expect(inLog()).toEqual(['one', 'm1', 'm2']);
  });
});

test('a log that is the same but for its epoch has lost nothing', async () => {
  server.say('a', 'one');
  const client = await open();
  client.engine.open('a');
  await write(client, 'm1', 'm2');
  await restore(3);
  expect(client.lost('a')).toEqual([]);
  await restore(2);
  expect(client.lost('a')).toEqual(['m2']);
});

test('a write that waits for the connection is not done to another message of the same number', async () => {
  server.say('a', 'one');
  const client = await open();
  await write(client, 'm1');
  server.beforeAnswer = (method, _argument, connection) => {
    if (method === 'React') connection.cut();
  };
  server.beforeCall = (method) => (method === 'React' ? { code: 'overloaded', message: '', retryAfterMs: 30_000 } : undefined);
  const reacting = client.engine.write('React', { room: 'a', clientId: 'r1', seq: 2, emoji: '👍' } as never).catch((error: unknown) => error);
  await settled();
  server.beforeCall = () => undefined;
  await restore(1, () => server.say('a', 'another'));
  expect(await reacting).toBeInstanceOf(CodedError);
  expect(server.room('a').events.map((event) => event.type)).not.toContain('reaction.added');
});
