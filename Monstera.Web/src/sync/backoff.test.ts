import { expect, test } from 'vitest';
import { reconnectDelayMs } from './backoff';

const longest = (failures: number) => reconnectDelayMs(failures, 1);

test('waits longer after each failure, five seconds at most for a minute and thirty from then on', () => {
  expect([0, 1, 2, 3, 4, 5, 20, 21, 100_000].map(longest)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000, 30_000, 30_000]);
});

test('any part of that, so that those who were cut off together do not come back together', () => {
  expect([0, 0.25, 0.5].map((random) => reconnectDelayMs(3, random))).toEqual([0, 1_000, 2_000]);
});
