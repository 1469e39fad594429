import { expect, test } from 'vitest';
import { formatDay, formatLimit, formatMoney, levelOf, rangeOf } from './report';

test('limits are told in their units', () => {
  expect(formatLimit('users', 1_234, 'en')).toBe('1,234');
  expect(formatLimit('disk', 0.716, 'en')).toBe('72%');
  expect(formatLimit('database', 1.5, 'en')).toBe('1.5 GiB');
  expect(formatLimit('latency', 12.6, 'en')).toBe('13 ms');
});

test('a limit is nearly full where the growth file says so', () => {
  expect([undefined, 0.59, 0.6, 0.99, 1].map((share) => levelOf(share, 0.6))).toEqual(['none', 'fine', 'near', 'near', 'over']);
});

test('a change has a sign, and small ones are not rounded away', () => {
  expect(formatLimit('users', 0.4, 'en', true)).toBe('+0.4');
  expect(formatLimit('disk', -0.0012, 'en', true)).toBe('-0.12%');
  expect(formatMoney(-150, 'USD', 'en', true)).toBe('-150 USD');
});

test('a day is that day wherever one is', () => {
  expect(formatDay('2027-01-08', 'en')).toBe('Jan 8, 2027');
  expect(formatDay('2027-01-08', 'ja')).toBe('2027/01/08');
});

test('days that are one day are told once', () => {
  const users = { limit: 'users', max: 50 } as const;
  const known = { ...users, reachedOn: '2026-11-28', earliest: '2026-11-28' };
  expect(rangeOf({ ...known, latest: '2026-11-28' })).toBeUndefined();
  expect(rangeOf({ ...known, latest: '2026-11-29' })).toEqual({ earliest: '2026-11-28', latest: '2026-11-29' });
  expect(rangeOf(known)).toEqual({ earliest: '2026-11-28', latest: undefined });
  expect(rangeOf({ ...users, reachedOn: '2026-11-28' })).toBeUndefined();
  expect(rangeOf({ ...users, earliest: '2026-11-28' })).toBeUndefined();
});
