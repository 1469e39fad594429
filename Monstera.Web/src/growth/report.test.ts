import { expect, test } from 'vitest';
import { formatDay, formatLimit, formatMoney } from './report';

test('limits are told in their units', () => {
  expect(formatLimit('users', 1_234, 'en')).toBe('1,234');
  expect(formatLimit('disk', 0.716, 'en')).toBe('72%');
  expect(formatLimit('database', 1.5, 'en')).toBe('1.5 GiB');
  expect(formatLimit('latency', 12.6, 'en')).toBe('13 ms');
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
