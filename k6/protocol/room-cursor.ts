import type { EventsPush, Position, ResumeAnswer, RoomEvent } from './wire.ts';

/** Hears what a cursor finds in its room. */
export interface RoomWitness {
  /** An event in its turn. `live`: it was pushed; otherwise `Resume` brought it. */
  event(room: string, event: RoomEvent, receivedAt: number, live: boolean): void;
  /** Events between `last` and `got` did not come, although the server did not say that it leaves any out. */
  gap(room: string, last: number, got: number): void;
  /** An event came again. */
  duplicate(room: string, last: number, got: number): void;
  /** The server said itself that it left events out. */
  told(room: string): void;
  /** The server does not know the cursor. */
  reset(room: string): void;
}

type Phase = 'away' | 'resuming' | 'live';

/** What is to be done next about a room. */
export type Next = 'nothing' | 'resume' | 'later' | 'forget';

interface Held {
  push: EventsPush;
  receivedAt: number;
}

/** How far a client is in the log of one room: rules 1 and 2 of section 9. */
export class RoomCursor {
  readonly room: string;
  readonly #witness: RoomWitness;
  #epoch: number;
  #last: number;
  #isKnown = true;
  #phase: Phase = 'away';
  #held: Held[] = [];

  constructor(room: string, epoch: number, last: number, witness: RoomWitness) {
    this.room = room;
    this.#epoch = epoch;
    this.#last = last;
    this.#witness = witness;
  }

  get last(): number {
    return this.#last;
  }

  /** What `Resume` is asked with: without epoch and seq it answers with the end of the log. */
  get position(): Position {
    return this.#isKnown ? { room: this.room, epoch: this.#epoch, seq: this.#last } : { room: this.room };
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  /** The connection is gone. */
  leave(): void {
    this.#phase = 'away';
    this.#held = [];
  }

  /** `Resume` is on its way: what is pushed before its answer waits. */
  resuming(): void {
    this.#phase = 'resuming';
  }

  /** The argument of `Events`. */
  push(push: EventsPush, receivedAt: number): Next {
    if (this.#phase !== 'live') {
      this.#held.push({ push, receivedAt });
      return 'nothing';
    }

    return this.#take(push, receivedAt, false);
  }

  /** The answer of `Resume`, and then what was pushed while it was under way. */
  resumed(answer: ResumeAnswer, receivedAt: number): Next {
    if (answer.error) return this.#refused(answer.error.retryAfterMs !== undefined);
    if (answer.status === 'reset') return this.#reset();
    if (!this.#isKnown) {
      this.#epoch = answer.epoch ?? 0;
      this.#last = answer.next ?? answer.head ?? 0;
      this.#isKnown = true;
    }

    this.#apply(answer.events ?? [], receivedAt, false, false);
    const next = answer.next ?? this.#last;
    if (this.#last < next) {
      this.#witness.gap(this.room, this.#last, next + 1);
      this.#last = next;
    }

    if (answer.status !== 'complete') return 'resume';
    this.#phase = 'live';
    return this.#takeHeld();
  }

  /** Only what overtook the answer may bring events that the answer brought too. */
  #takeHeld(): Next {
    const held = this.#held;
    this.#held = [];
    for (const [index, { push, receivedAt }] of held.entries()) {
      const next = this.#take(push, receivedAt, true);
      if (next !== 'nothing') {
        this.#held = held.slice(index + 1);
        return next;
      }
    }

    return 'nothing';
  }

  #take(push: EventsPush, receivedAt: number, mayOverlap: boolean): Next {
    if (push.epoch !== this.#epoch) {
      if (push.epoch < this.#epoch) return 'nothing';
      return this.#reset();
    }

    if (push.gap) {
      this.#phase = 'away';
      this.#witness.told(this.room);
      return 'resume';
    }

    if (this.#apply(push.events ?? [], receivedAt, true, mayOverlap)) return 'nothing';
    this.#phase = 'resuming';
    return 'resume';
  }

  /** @returns false at a gap; the events from there on are read from the log. */
  #apply(events: RoomEvent[], receivedAt: number, live: boolean, mayOverlap: boolean): boolean {
    for (const event of events) {
      if (event.seq <= this.#last) {
        if (!mayOverlap) this.#witness.duplicate(this.room, this.#last, event.seq);
        continue;
      }

      if (event.seq > this.#last + 1) {
        this.#witness.gap(this.room, this.#last, event.seq);
        if (live) return false;
      }

      this.#last = event.seq;
      this.#witness.event(this.room, event, receivedAt, live);
    }

    return true;
  }

  /** The log is another one, or the cursor was past its end: goes on from the end of the log that there is. */
  #reset(): Next {
    this.#phase = 'away';
    this.#held = [];
    this.#isKnown = false;
    this.#witness.reset(this.room);
    return 'resume';
  }

  #refused(forNow: boolean): Next {
    this.#phase = 'away';
    this.#held = [];
    return forNow ? 'later' : 'forget';
  }
}
