import type { Clock } from '../wire/clock';
import { CodedError } from '../wire/errors';
import type { RoomId, Seq } from '../wire/protocol';

const markEveryMs = 1_000;

export interface MarkAnswer {
  seq: Seq;
  unread: number;
}

export interface ReadMarksParts {
  clock: Clock;
  isOnline(): boolean;
  mark(room: RoomId, seq: Seq): Promise<MarkAnswer>;
  marked(room: RoomId, answer: MarkAnswer): void;
  /** All that could be told is told. */
  done(): void;
}

/** Read markers on their way to the server: soon, and once for many messages. */
export class ReadMarks {
  readonly #parts: ReadMarksParts;
  #waiting = new Map<RoomId, Seq>();
  #telling = false;

  constructor(parts: ReadMarksParts) {
    this.#parts = parts;
  }

  set(room: RoomId, seq: Seq): void {
    this.#waiting.set(room, seq);
    this.tell();
  }

  forget(room: RoomId): void {
    this.#waiting.delete(room);
  }

  tell(): void {
    if (this.#telling || this.#waiting.size === 0) return;
    this.#telling = true;
    void this.#tellAll().finally(() => this.#parts.clock.after(markEveryMs, () => {
      this.#telling = false;
      if (this.#parts.isOnline()) this.tell();
    }));
  }

  async #tellAll(): Promise<void> {
    for (const [room, seq] of [...this.#waiting]) {
      try {
        this.#parts.marked(room, await this.#parts.mark(room, seq));
      } catch (error) {
        // The storage of this room may be away; those of others are not.
        if (error instanceof CodedError && error.code === 'unavailable') continue;
        if (!(error instanceof CodedError) || error.retryAfterMs !== undefined) return;
      }
      if (this.#waiting.get(room) === seq) this.#waiting.delete(room);
    }
    this.#parts.done();
  }
}
