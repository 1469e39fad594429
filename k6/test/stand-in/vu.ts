import { parentPort, workerData } from 'node:worker_threads';
import type { FromVu, ScenarioState, VuStart } from './messages.ts';

/** The virtual user of this thread: k6 gives each a JavaScript world of its own, and so does this. */
export const start = workerData as VuStart;

export const state: { scenario: ScenarioState | undefined; iteration: number } = { scenario: undefined, iteration: -1 };

let held = 0;
let idle: (() => void) | undefined;

export function tell(message: FromVu): void {
  parentPort?.postMessage(message);
}

/** A timer, socket or request: an iteration lasts until there is none. @returns releases it, once */
export function hold(): () => void {
  held++;
  let isHeld = true;
  return () => {
    if (!isHeld) return;
    isHeld = false;
    held--;
    lookForIdle();
  };
}

/** Resolves when nothing is left that could go on: k6's event loop ends an iteration then. */
export function untilIdle(): Promise<void> {
  return new Promise((resolve) => {
    idle = resolve;
    lookForIdle();
  });
}

function lookForIdle(): void {
  // What was released may go on at once with something new.
  setImmediate(() => {
    if (held > 0) return;
    idle?.();
    idle = undefined;
  });
}
