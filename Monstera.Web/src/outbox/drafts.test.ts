import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test } from 'vitest';
import { ManualClock, settled } from '../testing/manual-clock';
import { Drafts } from './drafts';
import { memoryStore, openLocalStore, type LocalStore } from './store';

let local: LocalStore;
let clock: ManualClock;

beforeEach(() => {
  local = memoryStore();
  clock = new ManualClock();
});

describe('the local store', () => {
  test('keeps drafts a moment after typing pauses', async () => {
    const store = await openLocalStore('user-c');
    const drafts = new Drafts(store.drafts, store.aside, clock);
    drafts.write({ room: 'r', text: 'おは' });
    drafts.write({ room: 'r', text: 'おはよう', replyTo: 3 });
    await clock.advance(1_000);
    const later = new Drafts(store.drafts, store.aside, clock);
    await later.restore();
    expect(later.of('r')).toEqual({ room: 'r', text: 'おはよう', replyTo: 3 });
    later.write({ room: 'r', text: '' });
    later.flush();
    const last = new Drafts(store.drafts, store.aside, clock);
    await last.restore();
    expect(last.has('r')).toBe(false);
    store.close();
  });

  test('is one for each user of drafts that were put aside as well', async () => {
    const store = await openLocalStore('user-d');
    new Drafts(store.drafts, store.aside, clock).write({ room: 'r', text: 'not kept' });
    const leaving = new Drafts(store.drafts, store.aside, clock);
    leaving.write({ room: 'r', text: 'mine' });
    leaving.leave();
    const other = await openLocalStore('user-e');
    expect(other.aside.read()).toBeNull();
    other.close();
    store.close();
  });
});

describe('drafts of a page that is left', () => {
  let writes: (() => void)[];

  /** A store that never gets to write while the page goes away. */
  function slow(): typeof local.drafts {
    return { ...local.drafts, put: (draft) => new Promise((resolve) => writes.push(() => resolve(local.drafts.put(draft)))) };
  }

  beforeEach(() => {
    writes = [];
  });

  test('are put aside at once, and taken over by the next', async () => {
    await local.drafts.put({ room: 'a', text: 'old' });
    await local.drafts.put({ room: 'sent', text: 'was sent' });
    const leaving = new Drafts(slow(), local.aside, clock);
    await leaving.restore();
    leaving.write({ room: 'a', text: 'new', replyTo: 4 });
    leaving.write({ room: 'sent', text: '' });
    leaving.leave();
    const next = new Drafts(local.drafts, local.aside, clock);
    await next.restore();
    expect(next.of('a')).toEqual({ room: 'a', text: 'new', replyTo: 4 });
    expect(next.has('sent')).toBe(false);
    expect(await local.drafts.all()).toEqual([{ room: 'a', text: 'new', replyTo: 4 }]);
    expect(local.aside.read()).toBeNull();
  });

  test('are not put back over what was written since, where the page stayed', async () => {
    const staying = new Drafts(local.drafts, local.aside, clock);
    staying.write({ room: 'a', text: 'hidden' });
    staying.leave();
    await settled();
    expect(local.aside.read()).toBeNull();
    staying.write({ room: 'a', text: 'hidden and shown' });
    staying.flush();
    await settled();
    const next = new Drafts(local.drafts, local.aside, clock);
    await next.restore();
    expect(next.of('a').text).toBe('hidden and shown');
  });

  test('of two tabs that are left together are both there', async () => {
    const [one, two] = [new Drafts(slow(), local.aside, clock), new Drafts(slow(), local.aside, clock)];
    one.write({ room: 'a', text: 'first' });
    two.write({ room: 'b', text: 'second' });
    one.leave();
    two.leave();
    const next = new Drafts(local.drafts, local.aside, clock);
    await next.restore();
    expect([next.of('a').text, next.of('b').text]).toEqual(['first', 'second']);
  });

  test('are taken from nothing else that may stand there', async () => {
    local.aside.write('[{"room": 1}, null, {"room": "a", "text": "good"}');
    const drafts = new Drafts(local.drafts, local.aside, clock);
    await drafts.restore();
    local.aside.write('[{"room": 1}, null, {"room": "a", "text": "good"}]');
    await drafts.restore();
    expect(drafts.of('a').text).toBe('good');
  });
});
