import type { Clock } from '../wire/clock';
import { CodedError } from '../wire/errors';
import type { RoomId } from '../wire/protocol';
import { retryDelayMs } from './backoff';

export interface AwayParts {
  clock: Clock;
  /** Asks for a room that nothing is known of; rejects while its storage does not answer. */
  probe(room: RoomId): Promise<unknown>;
  resume(room: RoomId): void;
  /** Reads the list of rooms again. */
  refresh(): void;
}

/** When only the list says that rooms are missing, it does not say for how long. */
const listRetryMs = 1_000;

/**
 * Rooms whose storage does not answer at present. They are asked for again by themselves, all together, with a growing delay
 * and jitter: no other room waits for them.
 */
export class AwayRooms {
  readonly #parts: AwayParts;
  #known = new Set<RoomId>();
  #unknown = new Set<RoomId>();
  #retryAfterMs = listRetryMs;
  #rounds = 0;
  #cancel: (() => void) | undefined;
  #stopped = false;

  constructor(parts: AwayParts) {
    this.#parts = parts;
  }

  has(room: RoomId): boolean {
    return this.#known.has(room) || this.#unknown.has(room);
  }

  /** Those that were never heard of here, but that they exist. */
  get unknown(): ReadonlySet<RoomId> {
    return this.#unknown;
  }

  /** The list was read: these are missing in it. */
  listed(missing: readonly RoomId[], isKnown: (room: RoomId) => boolean): void {
    this.#unknown = new Set(missing.filter((room) => !isKnown(room)));
    for (const room of missing) if (isKnown(room)) this.#known.add(room);
    this.#schedule();
  }

  /** A `Resume` of the room was refused for now. */
  refused(room: RoomId, retryAfterMs: number): void {
    this.#known.add(room);
    this.#retryAfterMs = Math.max(this.#retryAfterMs, retryAfterMs);
    this.#schedule();
  }

  /** True when the room was away until now. */
  answered(room: RoomId): boolean {
    if (!this.#known.delete(room)) return false;
    this.#rounds = 0;
    return true;
  }

  forget(room: RoomId): void {
    this.#known.delete(room);
    this.#unknown.delete(room);
  }

  /** The connection is lost; the next asks for every room. */
  pause(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  stop(): void {
    this.#stopped = true;
    this.pause();
  }

  #schedule(): void {
    if (this.#cancel || this.#stopped || this.#known.size + this.#unknown.size === 0) return;
    this.#cancel = this.#parts.clock.after(retryDelayMs(this.#retryAfterMs, this.#rounds, this.#parts.clock), () => void this.#ask());
  }

  async #ask(): Promise<void> {
    this.#cancel = undefined;
    this.#retryAfterMs = listRetryMs;
    this.#rounds++;
    for (const room of this.#known) this.#parts.resume(room);
    const unknown = [...this.#unknown];
    // One of them, another each time: when its storage is back, the list tells of all that came back with it.
    const room = unknown[Math.floor(this.#parts.clock.random() * unknown.length)];
    if (room === undefined) return;
    try {
      await this.#parts.probe(room);
    } catch (error) {
      if (!(error instanceof CodedError) || error.retryAfterMs !== undefined) {
        this.#schedule();
        return;
      }
    }
    this.#rounds = 0;
    this.#parts.refresh();
  }
}
