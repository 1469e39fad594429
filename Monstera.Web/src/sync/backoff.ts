import type { Clock } from '../wire/clock';

const baseMs = 500;

/** A restart takes less than these failures, and everybody is back soon after it; the server itself sees to it that not too many come at once. */
const soonFailures = 20;
const soonMs = 5_000;
const ceilingMs = 30_000;

/** Full jitter: a random time between 0 and min(5 s, 0.5 s × 2^n) after the n-th failure in a row, and up to 30 s after the twentieth. */
export function reconnectDelayMs(failures: number, random: number): number {
  return Math.floor(random * (failures > soonFailures ? ceilingMs : Math.min(soonMs, baseMs * 2 ** failures)));
}

/** What the server asked for, plus jitter, so that those who were refused together do not come back together. */
export function retryDelayMs(retryAfterMs: number, attempts: number, clock: Clock): number {
  return Math.ceil(retryAfterMs + reconnectDelayMs(Math.min(attempts, 4), clock.random()));
}
