import type { Clock } from '../wire/clock';

const baseMs = 500;
const ceilingMs = 30_000;

/** Full jitter: a random time between 0 and min(30 s, 0.5 s × 2^n) after the n-th failure in a row. */
export function reconnectDelayMs(failures: number, random: number): number {
  return Math.floor(random * Math.min(ceilingMs, baseMs * 2 ** Math.min(failures, 16)));
}

/** What the server asked for, plus jitter, so that those who were refused together do not come back together. */
export function retryDelayMs(retryAfterMs: number, attempts: number, clock: Clock): number {
  return Math.ceil(retryAfterMs + reconnectDelayMs(Math.min(attempts, 4), clock.random()));
}
