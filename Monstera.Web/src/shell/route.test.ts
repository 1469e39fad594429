import { expect, test } from 'vitest';
import { parsePath, roomPath } from './route.svelte';

test.each([
  ['/', { page: 'chat' }],
  ['/rooms/0192-AB', { page: 'chat', room: '0192-ab' }],
  ['/rooms/0192/42', { page: 'chat', room: '0192', seq: 42 }],
  ['/rooms/0192/-1', { page: 'chat', room: '0192' }],
  ['/rooms/0192/x', { page: 'chat', room: '0192' }],
  ['/join/abc%2Fd', { page: 'join', code: 'abc/d' }],
  ['/join/%E0%A4%A', { page: 'join', code: '%E0%A4%A' }],
  ['/register', { page: 'register' }],
  ['/growth', { page: 'growth' }],
  ['/elsewhere', { page: 'chat' }],
])('%s', (path, expected) => expect(parsePath(path)).toEqual(expected));

test('a permalink is read back', () => {
  expect(parsePath(roomPath('a', 7))).toEqual({ page: 'chat', room: 'a', seq: 7 });
});
