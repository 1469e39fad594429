// Stand-in for k6/timers. It is not k6.
import { hold } from './vu.ts';

interface Timer {
  cancel(): void;
}

const timers = new Map<number, Timer>();
let nextId = 1;

export function setTimeout(action: (...args: unknown[]) => void, ms: number, ...args: unknown[]): number {
  const id = nextId++;
  const release = hold();
  const timer = globalThis.setTimeout(() => {
    timers.delete(id);
    try {
      action(...args);
    } finally {
      release();
    }
  }, ms);
  timers.set(id, { cancel: () => (globalThis.clearTimeout(timer), release()) });
  return id;
}

export function setInterval(action: (...args: unknown[]) => void, ms: number, ...args: unknown[]): number {
  const id = nextId++;
  const release = hold();
  const timer = globalThis.setInterval(() => action(...args), ms);
  timers.set(id, { cancel: () => (globalThis.clearInterval(timer), release()) });
  return id;
}

export function clearTimeout(id: number): void {
  timers.get(id)?.cancel();
  timers.delete(id);
}

export const clearInterval = clearTimeout;
