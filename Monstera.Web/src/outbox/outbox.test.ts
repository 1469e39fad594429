import 'fake-indexeddb/auto';
import { openDB } from 'idb';
import { beforeEach, describe, expect, test } from 'vitest';
import { FakeBrowser } from '../testing/fake-browser';
import { ManualClock, settled } from '../testing/manual-clock';
import { CodedError, NoAnswerError } from '../wire/errors';
import type { Ack, WireError } from '../wire/protocol';
import { Outbox } from './outbox';
import { memoryStore, openLocalStore, type LocalStore } from './store';

interface Sent {
  room: string;
  clientId: string;
  text: string;
}

let browser: FakeBrowser;
let local: LocalStore;
let clock: ManualClock;
let log: Sent[];
let calls: Sent[];
let last: number;
let epoch: number;
let acknowledged: string[];
let answer: (sent: Sent) => Promise<Ack>;

beforeEach(() => {
  browser = new FakeBrowser();
  local = memoryStore();
  clock = new ManualClock();
  log = [];
  calls = [];
  last = 0;
  epoch = 1;
  acknowledged = [];
  answer = async (sent) => stored(sent);
});

function stored(sent: Sent): Ack {
  let place = log.findIndex((other) => other.clientId === sent.clientId);
  if (place < 0) place = log.push(sent) - 1;
  return { seq: place + 1, at: '' };
}

let ids = 0;
async function open(): Promise<Outbox> {
  const outbox = new Outbox({
    store: local.outbox, tabs: browser.tab(), clock, newId: () => `id-${++ids}`, inLog: (_room, seq) => seq <= last,
    epochOf: () => epoch, acknowledged: (item, ack) => acknowledged.push(`${item.text} ${ack.seq}`), changed: () => undefined,
    send: (sent) => {
      calls.push(sent);
      return answer(sent);
    },
  });
  await outbox.restore();
  return outbox;
}

function refuse(error: WireError): () => Promise<never> {
  return () => Promise.reject(new CodedError(error));
}

const states = (outbox: Outbox, room = 'a') => outbox.unsentOf(room).map((item) => [item.text, item.state]);
const textsOf = (sent: Sent[]) => sent.map((each) => each.text);

describe('the outbox', () => {
  test('shows a message at once, sends it, and lets it go when its event is there', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    const adding = outbox.add('a', 'hello');
    expect(states(outbox)).toEqual([['hello', 'pending']]);
    const clientId = await adding;
    await settled();
    expect(states(outbox)).toEqual([['hello', 'sent']]);
    outbox.confirm([clientId]);
    expect(states(outbox)).toEqual([]);
    expect(await local.outbox.all()).toEqual([]);
  });

  test('takes the event before the acknowledgement as well', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    answer = async (sent) => {
      const ack = stored(sent);
      outbox.confirm([sent.clientId]);
      return ack;
    };
    await outbox.add('a', 'hello');
    await settled();
    expect(states(outbox)).toEqual([]);
    expect(await local.outbox.all()).toEqual([]);
  });

  test('keeps order within a room, one in doubt at a time, and rooms do not wait for each other', async () => {
    const outbox = await open();
    const waiting: (() => void)[] = [];
    answer = (sent) => new Promise((resolve) => waiting.push(() => resolve(stored(sent))));
    await outbox.add('a', '1');
    await outbox.add('a', '2');
    await outbox.add('b', 'other');
    outbox.setOnline(true);
    await settled();
    expect(textsOf(calls)).toEqual(['1', 'other']);
    waiting.splice(0).forEach((go) => go());
    await settled();
    expect(textsOf(calls)).toEqual(['1', 'other', '2']);
  });

  test('lets no room wait for another that does not answer, nor what is written meanwhile', async () => {
    const [one, two] = [await open(), await open()];
    one.setOnline(true);
    two.setOnline(true);
    answer = async (sent) => {
      if (sent.room === 'a') throw new CodedError({ code: 'unavailable', message: '', retryAfterMs: 1_000 });
      return stored(sent);
    };
    await one.add('a', 'stuck');
    await settled();
    await one.add('b', 'from the same tab');
    await two.add('b', 'from the other');
    await clock.advance(5_000);
    expect(textsOf(log)).toEqual(['from the same tab', 'from the other']);
    expect(states(one)).toEqual([['stuck', 'pending']]);
    answer = async (sent) => stored(sent);
    await clock.advance(20_000);
    expect(textsOf(log)).toEqual(['from the same tab', 'from the other', 'stuck']);
  });

  test('tells what is acknowledged, once', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    await outbox.add('a', 'hello');
    await settled();
    expect(acknowledged).toEqual(['hello 1']);
  });

  test('survives the page, and sends again with the same clientId what is in doubt', async () => {
    const first = await open();
    first.setOnline(true);
    answer = async (sent) => {
      stored(sent);
      throw new NoAnswerError();
    };
    await first.add('a', '1');
    await first.add('a', '2');
    await settled();
    answer = async (sent) => stored(sent);
    const second = await open();
    expect(states(second)).toEqual([['1', 'pending'], ['2', 'pending']]);
    second.setOnline(true);
    await settled();
    expect(textsOf(log)).toEqual(['1', '2']);
    expect(await local.outbox.all()).toEqual([]);
  });

  test('waits as long as the server asks, with jitter, and tries for as long as it takes', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    answer = refuse({ code: 'overloaded', message: '', retryAfterMs: 1_000 });
    await outbox.add('a', '1');
    await clock.advance(999);
    expect(calls).toHaveLength(1);
    await clock.advance(2_000);
    expect(calls.length).toBeGreaterThan(1);
    await clock.advance(60_000);
    expect(states(outbox)).toEqual([['1', 'pending']]);
    answer = async (sent) => stored(sent);
    await clock.advance(20_000);
    expect(textsOf(log)).toEqual(['1']);
  });

  test('shows what is refused for good, goes on with the next, and sends it again in one click', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    answer = async (sent) => {
      if (sent.text === 'bad') throw new CodedError({ code: 'forbidden', message: '' });
      return stored(sent);
    };
    const bad = await outbox.add('a', 'bad');
    await outbox.add('a', 'good');
    await settled();
    expect(states(outbox)).toEqual([['bad', 'failed'], ['good', 'sent']]);
    expect(outbox.unsentOf('a')[0]?.code).toBe('forbidden');
    answer = async (sent) => stored(sent);
    await outbox.retry(bad);
    await outbox.retry(bad);
    await settled();
    expect(calls.filter((sent) => sent.clientId === bad)).toHaveLength(2);
    expect(textsOf(log)).toEqual(['good', 'bad']);
  });

  test('forgets a failed message that is given up, in every tab', async () => {
    const [one, two] = [await open(), await open()];
    one.setOnline(true);
    answer = refuse({ code: 'too_large', message: '' });
    const clientId = await one.add('a', 'long');
    await settled();
    expect(states(two)).toEqual([['long', 'failed']]);
    await two.discard(clientId);
    expect(states(one)).toEqual([]);
    expect(await local.outbox.all()).toEqual([]);
  });

  test('tries an internal error once more and no further', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    answer = refuse({ code: 'internal', message: '' });
    await outbox.add('a', '1');
    await settled();
    expect(calls).toHaveLength(2);
    expect(states(outbox)).toEqual([['1', 'failed']]);
  });

  test('keeps everything when the session ends', async () => {
    const outbox = await open();
    outbox.setOnline(true);
    answer = refuse({ code: 'unauthenticated', message: '' });
    await outbox.add('a', '1');
    await settled();
    expect(states(outbox)).toEqual([['1', 'pending']]);
    expect(await local.outbox.all()).toHaveLength(1);
  });

  test('sends each message from one tab only, and all tabs show it', async () => {
    const tabs = [await open(), await open(), await open()];
    await tabs[0]?.add('a', '1');
    await tabs[1]?.add('a', '2');
    for (const tab of tabs) expect(states(tab)).toEqual([['1', 'pending'], ['2', 'pending']]);
    for (const tab of tabs) tab.setOnline(true);
    await settled();
    expect(textsOf(calls)).toEqual(['1', '2']);
    for (const tab of tabs) expect(states(tab)).toEqual([['1', 'sent'], ['2', 'sent']]);
  });

  test('does not show again what another tab has in the log already', async () => {
    const outbox = await open();
    answer = async (sent) => stored(sent);
    await outbox.add('a', '1');
    last = 1;
    outbox.setOnline(true);
    await settled();
    expect(states(outbox)).toEqual([]);
  });
});

describe('what the log lost', () => {
  const item = { clientId: 'c1', room: 'a', epoch: 2, seq: 7, text: 'lost', at: '2026-11-20T10:00:00.000Z', replyTo: 3 };

  async function sentAndSettled(...tabs: Outbox[]): Promise<void> {
    const [tab] = tabs;
    await tab?.offer({ ...item, epoch: 1 });
    for (const each of tabs) each.confirm(['c1']);
    expect(tabs.map((each) => states(each))).toEqual(tabs.map(() => []));
  }

  test('is offered in every tab, is never sent by itself, and outlives the page', async () => {
    const [one, two] = [await open(), await open()];
    one.setOnline(true);
    await one.offer(item);
    await clock.advance(60_000);
    expect(calls).toEqual([]);
    for (const tab of [one, two, await open()]) expect(states(tab)).toEqual([['lost', 'lost']]);
  });

  test('goes out with its clientId when somebody says so, before what was written later', async () => {
    const outbox = await open();
    await outbox.add('a', 'later');
    await outbox.offer(item);
    await outbox.retry('c1');
    outbox.setOnline(true);
    await settled();
    expect(log).toEqual([{ room: 'a', clientId: 'c1', text: 'lost', replyTo: 3 }, expect.objectContaining({ text: 'later' })]);
    outbox.confirm(['c1']);
    expect(outbox.lostIn('a')).toEqual([]);
  });

  test('is offered though it was in the log before, but not once it is in the log of this epoch', async () => {
    const [one, two] = [await open(), await open()];
    await sentAndSettled(one, two);
    epoch = 2;
    await one.offer(item);
    for (const tab of [one, two]) expect(states(tab)).toEqual([['lost', 'lost']]);
    two.confirm(['c1']);
    await one.offer(item);
    for (const tab of [one, two]) expect(states(tab)).toEqual([]);
    expect(await local.outbox.all()).toEqual([]);
  });

  test('is forgotten everywhere when it is discarded', async () => {
    const [one, two] = [await open(), await open()];
    await one.offer(item);
    await two.discard('c1');
    await one.offer(item);
    for (const tab of [one, two, await open()]) expect(states(tab)).toEqual([]);
  });

  test('is not offered while it is on its way anyway', async () => {
    const outbox = await open();
    const clientId = await outbox.add('a', 'waiting');
    await outbox.offer({ ...item, clientId });
    expect(states(outbox)).toEqual([['waiting', 'pending']]);
  });

  test('does not answer what is no longer there', async () => {
    const outbox = await open();
    await outbox.add('a', 'early', 3);
    await outbox.add('a', 'late', 9);
    outbox.cutReplies('a', 5);
    outbox.setOnline(true);
    await settled();
    expect(calls).toEqual([expect.objectContaining({ text: 'early', replyTo: 3 }), expect.not.objectContaining({ replyTo: 9 })]);
  });
});

describe('the local store', () => {
  test('takes over what an older version of the page left', async () => {
    const old = await openDB('monstera-user-old', 1, {
      upgrade(created) {
        created.createObjectStore('outbox', { keyPath: 'clientId' });
        created.createObjectStore('drafts', { keyPath: 'room' });
      },
    });
    await old.put('outbox', { clientId: '1', room: 'r', text: 'unsent', order: 1, at: '', state: 'pending' });
    old.close();
    const store = await openLocalStore('user-old');
    expect(await store.outbox.all()).toHaveLength(1);
    await store.sent.put({ clientId: '2', room: 'r', epoch: 1, seq: 1, text: 't', at: '' });
    expect(await store.sent.all()).toHaveLength(1);
    store.close();
  });

  test('is one for each user', async () => {
    const a = await openLocalStore('user-a');
    await a.outbox.put({ clientId: '1', room: 'r', text: 'secret', order: 1, at: '', state: 'pending' });
    const b = await openLocalStore('user-b');
    expect(await b.outbox.all()).toEqual([]);
    a.close();
    const again = await openLocalStore('user-a');
    expect(await again.outbox.all()).toHaveLength(1);
    again.close();
    b.close();
  });
});
