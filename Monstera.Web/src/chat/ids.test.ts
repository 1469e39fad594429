import { expect, test } from 'vitest';
import { idMaker, newId } from './ids';

const at = Date.parse('2026-11-21T10:02:03.456Z');
const form = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

function timeOf(id: string): number {
  return parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
}

test.each([0x00, 0xff, 0xa5])('has version, variant and time, whatever the random bytes (%i)', (byte) => {
  const id = idMaker({ now: () => at, fill: (bytes) => bytes.fill(byte) })();
  expect(id).toMatch(form);
  expect(timeOf(id)).toBe(at);
});

test('the end is random', () => {
  let next = 0;
  const make = idMaker({ now: () => at, fill: (bytes) => bytes.fill(next++) });
  expect(make().slice(24)).toBe('000000000000');
  expect(make().slice(24)).toBe('010101010101');
});

test('within a millisecond, and beyond what the counter holds, each is after the one before', () => {
  const make = idMaker({ now: () => at, fill: (bytes) => crypto.getRandomValues(bytes) });
  const ids = Array.from({ length: 10_000 }, make);
  expect(ids).toEqual([...ids].sort());
  expect(new Set(ids).size).toBe(ids.length);
  expect(ids.every((id) => form.test(id))).toBe(true);
  expect(timeOf(ids.at(-1) ?? '') - at).toBeLessThanOrEqual(3);
});

test('a clock that is set back changes nothing about the order', () => {
  let now = at;
  const make = idMaker({ now: () => now, fill: (bytes) => bytes.fill(0xff) });
  const before = make();
  now = at - 3_600_000;
  const after = make();
  now = at + 1;
  const later = make();
  expect([before, after, later]).toEqual([before, after, later].sort());
  expect(timeOf(later)).toBe(at + 1);
});

test('the real ones carry the present time', () => {
  const before = Date.now();
  const id = newId();
  expect(id).toMatch(form);
  expect(timeOf(id)).toBeGreaterThanOrEqual(before);
  expect(timeOf(id)).toBeLessThanOrEqual(Date.now());
});
