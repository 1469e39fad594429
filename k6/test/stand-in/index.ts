// Stand-in for k6. It is not k6.
import { sample } from './metrics.ts';

export function check<T>(value: T, checkers: Record<string, (value: T) => unknown>, tags: Record<string, string> = {}): boolean {
  let all = true;
  for (const [name, checker] of Object.entries(checkers)) {
    const holds = Boolean(checker(value));
    if (!holds) console.error(`The check "${name}" does not hold.`);
    sample('checks', holds ? 1 : 0, { ...tags, check: name });
    all &&= holds;
  }

  return all;
}

/** Holds up all of the virtual user, as in k6. */
export function sleep(seconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1_000);
}

export default { check, sleep };
