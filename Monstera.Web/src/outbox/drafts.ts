import type { RoomId } from '../wire/protocol';
import type { Clock } from '../wire/clock';
import type { Aside, Draft, DraftStore } from './store';

const keepEveryMs = 300;

/** What was begun and not sent, per room; kept a moment after typing pauses, and when the page is left. */
export class Drafts {
  readonly #store: DraftStore;
  readonly #aside: Aside;
  readonly #clock: Clock;
  #drafts = new Map<RoomId, Draft>();
  #unkept = new Set<RoomId>();
  #cancel: (() => void) | undefined;

  constructor(store: DraftStore, aside: Aside, clock: Clock) {
    this.#store = store;
    this.#aside = aside;
    this.#clock = clock;
  }

  async restore(): Promise<void> {
    for (const draft of await this.#store.all().catch(() => [])) this.#drafts.set(draft.room, draft);
    // Put aside by a page that was left in the middle of a word: newer than what is in the store.
    const aside = this.#putAside();
    for (const draft of aside) this.#set(draft);
    await this.#keepAll(aside);
  }

  of(room: RoomId): Draft {
    return this.#drafts.get(room) ?? { room, text: '' };
  }

  has(room: RoomId): boolean {
    return this.of(room).text.trim() !== '';
  }

  write(draft: Draft): void {
    const before = this.of(draft.room);
    if (before.text === draft.text && before.replyTo === draft.replyTo) return;
    this.#set(draft);
    this.#unkept.add(draft.room);
    this.#cancel ??= this.#clock.after(keepEveryMs, () => this.flush());
  }

  flush(): void {
    void this.#keepAll(this.#takeUnkept());
  }

  /** The page may be gone the next moment, before the store has written anything: what is not kept is put aside at once as well. */
  leave(): void {
    const unkept = this.#takeUnkept();
    if (unkept.length === 0) return;
    const rooms = new Set(unkept.map((draft) => draft.room));
    this.#aside.write(JSON.stringify([...this.#putAside().filter((draft) => !rooms.has(draft.room)), ...unkept]));
    void this.#keepAll(unkept);
  }

  #takeUnkept(): Draft[] {
    this.#cancel?.();
    this.#cancel = undefined;
    const unkept = [...this.#unkept].map((room) => this.of(room));
    this.#unkept.clear();
    return unkept;
  }

  #set(draft: Draft): void {
    if (draft.text === '' && draft.replyTo === undefined) this.#drafts.delete(draft.room);
    else this.#drafts.set(draft.room, draft);
  }

  async #keepAll(drafts: readonly Draft[]): Promise<void> {
    try {
      await Promise.all(drafts.map(({ room }) => {
        const draft = this.#drafts.get(room);
        return draft ? this.#store.put(draft) : this.#store.remove(room);
      }));
    } catch {
      // Storage is full or was taken away: what was put aside stays there.
      return;
    }
    // Where a page that was left stayed after all, as when it was only hidden, what it put aside is not needed.
    this.#takeBack(drafts);
  }

  #putAside(): Draft[] {
    try {
      const drafts: unknown = JSON.parse(this.#aside.read() ?? '[]');
      return Array.isArray(drafts) ? drafts.filter(isDraft) : [];
    } catch {
      return [];
    }
  }

  /** These are in the store; what was put aside later is not. */
  #takeBack(kept: readonly Draft[]): void {
    if (this.#aside.read() === null) return;
    const texts = new Map(kept.map((draft) => [draft.room, draft.text]));
    const left = this.#putAside().filter((draft) => texts.get(draft.room) !== draft.text);
    this.#aside.write(left.length > 0 ? JSON.stringify(left) : undefined);
  }
}

function isDraft(value: unknown): value is Draft {
  if (typeof value !== 'object' || value === null) return false;
  const { room, text, replyTo } = value as Record<string, unknown>;
  return typeof room === 'string' && typeof text === 'string' && (replyTo === undefined || typeof replyTo === 'number');
}
