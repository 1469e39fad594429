import type { EventsFrame, ResumeAnswer, RoomEvent, Seq } from '../wire/protocol';

/** What came early is held while a Resume is on its way; past this many the log itself is the cheaper place to wait. */
const heldMax = 1_000;

export type FrameOutcome = { apply: RoomEvent[]; resume: boolean };
export type AnswerOutcome =
  | { kind: 'applied'; apply: RoomEvent[]; resume: boolean }
  | { kind: 'reset'; epoch: number; head: Seq };

const nothing: FrameOutcome = { apply: [], resume: false };

/**
 * The cursor of one room: which events may be applied, and when the log must be asked. It never lets an event through
 * twice, out of order, or past a hole.
 */
export class RoomLog {
  epoch: number;
  last: Seq;
  #held = new Map<Seq, RoomEvent>();
  #resuming = false;
  /** Something arrived during a Resume that its answer may not cover. */
  #resumeAgain = false;

  constructor(epoch: number, last: Seq) {
    this.epoch = epoch;
    this.last = last;
  }

  get resuming(): boolean {
    return this.#resuming;
  }

  /** The room starts anew at this cursor; what was held belonged to another log. */
  moveTo(epoch: number, last: Seq): void {
    this.epoch = epoch;
    this.last = last;
    this.#held.clear();
  }

  resumeStarted(): void {
    this.#resuming = true;
    this.#resumeAgain = false;
  }

  /** The call got no answer. What is held stays: the next Resume closes the gap before it. */
  resumeFailed(): void {
    this.#resuming = false;
  }

  onFrame(frame: EventsFrame): FrameOutcome {
    if (frame.gap === true || frame.epoch !== this.epoch) {
      // Whether the Resume in flight subscribed us before or after the gap cannot be told: ask once more.
      if (this.#resuming) this.#resumeAgain = true;
      return this.#resuming ? nothing : { apply: [], resume: true };
    }
    for (const event of frame.events ?? []) this.#hold(event);
    if (this.#resuming) return nothing;
    const apply = this.#takeConsecutive();
    return { apply, resume: this.#held.size > 0 };
  }

  /** `more` keeps the room resuming: it is not subscribed yet, and the caller asks again from the new cursor. */
  onAnswer(answer: ResumeAnswer): AnswerOutcome {
    this.#resuming = false;
    if (answer.status === 'reset') {
      return { kind: 'reset', epoch: answer.epoch ?? this.epoch, head: answer.head ?? 0 };
    }
    if (answer.epoch !== undefined && answer.epoch !== this.epoch) {
      return { kind: 'reset', epoch: answer.epoch, head: answer.head ?? answer.next ?? 0 };
    }

    const fresh = (answer.events ?? []).filter((event) => event.seq > this.last);
    for (const event of fresh) this.#held.set(event.seq, event);
    const apply = this.#takeConsecutive();
    const more = answer.status === 'more';
    return { kind: 'applied', apply, resume: more || this.#resumeAgain || this.#held.size > 0 };
  }

  #hold(event: RoomEvent): void {
    if (event.seq <= this.last) return;
    if (this.#held.size >= heldMax && event.seq !== this.last + 1) {
      this.#resumeAgain = true;
      return;
    }
    this.#held.set(event.seq, event);
  }

  #takeConsecutive(): RoomEvent[] {
    const taken: RoomEvent[] = [];
    for (let event = this.#held.get(this.last + 1); event; event = this.#held.get(this.last + 1)) {
      this.#held.delete(event.seq);
      this.last = event.seq;
      taken.push(event);
    }
    return taken;
  }
}
