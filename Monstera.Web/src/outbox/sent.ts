import type { Clock } from '../wire/clock';
import type { RoomId, Seq } from '../wire/protocol';

/** An own message that is, or was, in the log of this epoch. */
export interface SentItem {
  clientId: string;
  room: RoomId;
  epoch: number;
  seq: Seq;
  /** Empty when nothing is to be offered any more: it was answered for, or deleted. */
  text: string;
  at: string;
  replyTo?: Seq;
}

export interface SentStore {
  put(item: SentItem): Promise<void>;
  remove(clientId: string): Promise<void>;
  all(): Promise<SentItem[]>;
  clear(): Promise<void>;
}

/** How far back a backup may be for its losses to be noticed here. */
const keptMs = 14 * 24 * 3_600_000;
const keptMax = 500;

/**
 * Own messages that are in the log, kept in this browser for a while: when a server comes back from a backup without them,
 * this is where they still are.
 */
export class Sent {
  readonly #store: SentStore;
  readonly #clock: Clock;
  #items = new Map<string, SentItem>();

  constructor(store: SentStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async restore(): Promise<void> {
    const stored = await this.#store.all().catch(() => []);
    for (const item of stored.sort((a, b) => Date.parse(a.at) - Date.parse(b.at))) this.#items.set(item.clientId, item);
    this.#prune();
  }

  /** Resolves once it is kept, or cannot be. */
  async note(item: SentItem): Promise<void> {
    const before = this.#items.get(item.clientId);
    if (before && (before.epoch > item.epoch || (before.epoch === item.epoch && before.seq === item.seq && before.text === item.text))) return;
    // In order of last change, so that the oldest are let go first.
    this.#items.delete(item.clientId);
    this.#items.set(item.clientId, item);
    this.#prune();
    await this.#store.put(item).catch(() => undefined);
  }

  edited(room: RoomId, epoch: number, seq: Seq, text: string | undefined): void {
    for (const item of this.#items.values()) {
      if (item.room === room && item.epoch === epoch && item.seq === seq && item.text !== '') void this.note({ ...item, text: text ?? '' });
    }
  }

  /** Learns what other tabs have noted. */
  async learn(): Promise<void> {
    for (const item of await this.#store.all().catch(() => [])) {
      if ((this.#items.get(item.clientId)?.epoch ?? 0) <= item.epoch) this.#items.set(item.clientId, item);
    }
  }

  /** Those of a room that were last seen in a log before this epoch. */
  before(room: RoomId, epoch: number): SentItem[] {
    return [...this.#items.values()].filter((item) => item.room === room && item.epoch < epoch && item.text !== '');
  }

  /** The rooms whose log is a later one than that in which their messages were last seen. */
  behind(epochOf: (room: RoomId) => number | undefined): RoomId[] {
    const rooms = [...this.#items.values()].filter((item) => item.text !== '' && item.epoch < (epochOf(item.room) ?? 0)).map((item) => item.room);
    return [...new Set(rooms)];
  }

  /** Somebody signs out: what they wrote is not left behind on a machine that may be another's. */
  async clear(): Promise<void> {
    this.#items.clear();
    await this.#store.clear().catch(() => undefined);
  }

  #prune(): void {
    const oldest = this.#clock.now() - keptMs;
    for (const item of this.#items.values()) {
      if (this.#items.size <= keptMax && Date.parse(item.at) >= oldest) continue;
      this.#items.delete(item.clientId);
      this.#store.remove(item.clientId).catch(() => undefined);
    }
  }
}
