import type { RoomId } from '../wire/protocol';
import type { Clock } from '../wire/clock';
import type { Draft, DraftStore } from './store';

const keepEveryMs = 300;

/** What was begun and not sent, per room; kept a moment after typing pauses, and when the page is left. */
export class Drafts {
  readonly #store: DraftStore;
  readonly #clock: Clock;
  #drafts = new Map<RoomId, Draft>();
  #unkept = new Set<RoomId>();
  #cancel: (() => void) | undefined;

  constructor(store: DraftStore, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async restore(): Promise<void> {
    for (const draft of await this.#store.all().catch(() => [])) this.#drafts.set(draft.room, draft);
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
    if (draft.text === '' && draft.replyTo === undefined) this.#drafts.delete(draft.room);
    else this.#drafts.set(draft.room, draft);
    this.#unkept.add(draft.room);
    this.#cancel ??= this.#clock.after(keepEveryMs, () => this.flush());
  }

  flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    for (const room of this.#unkept) {
      const draft = this.#drafts.get(room);
      const kept = draft ? this.#store.put(draft) : this.#store.remove(room);
      kept.catch(() => undefined);
    }
    this.#unkept.clear();
  }
}
