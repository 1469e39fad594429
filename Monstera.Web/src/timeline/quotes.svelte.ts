import { SvelteMap } from 'svelte/reactivity';
import { CodedError } from '../wire/errors';
import type { RoomId, Seq, TimelineItem } from '../wire/protocol';
import type { Rest } from '../wire/rest';

const keptMax = 200;

/** Messages that were replied to and are not among what is loaded. */
export class Quotes {
  readonly #rest: Pick<Rest, 'message'>;
  readonly #known = new SvelteMap<string, TimelineItem | 'gone'>();
  #asked = new Set<string>();

  constructor(rest: Pick<Rest, 'message'>) {
    this.#rest = rest;
  }

  of(room: RoomId, seq: Seq): TimelineItem | 'gone' | undefined {
    const key = `${room} ${seq}`;
    const known = this.#known.get(key);
    if (!known && !this.#asked.has(key)) {
      this.#asked.add(key);
      queueMicrotask(() => void this.#ask(room, seq, key));
    }
    return known;
  }

  forget(room: RoomId): void {
    for (const key of this.#asked) {
      if (!key.startsWith(`${room} `)) continue;
      this.#asked.delete(key);
      this.#known.delete(key);
    }
  }

  async #ask(room: RoomId, seq: Seq, key: string): Promise<void> {
    try {
      this.#known.set(key, await this.#rest.message(room, seq));
    } catch (error) {
      if (error instanceof CodedError && error.retryAfterMs === undefined) this.#known.set(key, 'gone');
      else this.#asked.delete(key);
    }
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= keptMax) break;
      this.#known.delete(oldest);
      this.#asked.delete(oldest);
    }
  }
}
