import { expect, test } from 'vitest';
import { Presence } from './presence.svelte';

test('people of an opened room are as the answer says, and as signals say afterwards', () => {
  const presence = new Presence();
  presence.changed('of the room before', 'online');
  presence.opened(['me', 'ann', 'bob', 'cid'], { bob: 'idle', cid: 'away' });
  expect(['me', 'ann', 'bob', 'cid', 'of the room before'].map((user) => presence.of(user))).toEqual(['online', 'online', 'idle', 'away', 'offline']);
  expect(presence.countWithout('me')).toBe(3);
  expect(presence.countWithout('nobody')).toBe(4);

  presence.changed('ann', 'offline');
  presence.changed('bob', 'online');
  expect([presence.of('ann'), presence.of('bob'), presence.of(undefined)]).toEqual(['offline', 'online', 'offline']);
  expect(presence.countWithout('me')).toBe(2);
});

test('a server that knows no states tells who is online', () => {
  const presence = new Presence();
  presence.opened(['ann']);
  expect(presence.of('ann')).toBe('online');
});
