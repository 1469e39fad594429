import { clearTimeout, setTimeout } from 'k6/timers';

/** Waits, at most until something happens. Leaves no timer behind, which would keep k6 from ending the iteration. */
export function pause(ms: number, until?: Promise<unknown>): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    void until?.then(() => {
      clearTimeout(timer);
      resolve();
    });
  });
}

/** Rule 6 of section 9: full jitter after the n-th failure, from 0. */
export function jitterMs(failures: number): number {
  return Math.random() * Math.min(30_000, 500 * 2 ** failures);
}
