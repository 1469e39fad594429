import type { RoomEvent, Seq, UserId } from '../wire/protocol';

/** Past this the number on the badge says "many" anyway, and the list below stays bounded. */
export const unreadMax = 1_000;

/**
 * How many messages of others lie after the read marker. The server counted up to `#countedTo`; what came later is
 * remembered by its `seq`, so that a marker can be moved, and a message deleted, without asking.
 */
export class UnreadCount {
  readSeq: Seq;
  #counted: number;
  #countedTo: Seq;
  #later: Seq[] = [];
  #seen: Seq = 0;

  constructor(readSeq: Seq, unread: number, countedTo: Seq) {
    this.readSeq = readSeq;
    this.#counted = unread;
    this.#countedTo = countedTo;
  }

  get value(): number {
    return Math.min(unreadMax, this.#counted + this.#later.length);
  }

  /** The list of rooms was read again: the server's count holds up to its head, ours after it. */
  recount(readSeq: Seq, unread: number, countedTo: Seq): void {
    if (countedTo < this.#countedTo) return;
    // A marker that we moved a moment ago may not be in the server's answer yet.
    if (readSeq < this.readSeq && this.readSeq >= countedTo) unread = 0;
    this.readSeq = Math.max(this.readSeq, readSeq);
    this.#counted = unread;
    this.#countedTo = countedTo;
    this.#later = this.#later.filter((seq) => seq > countedTo && seq > this.readSeq);
  }

  onEvent(event: RoomEvent, me: UserId): void {
    // A room's log may be read again from further back; what was counted stays counted.
    if (event.seq <= this.#countedTo || event.seq <= this.#seen) return;
    this.#seen = event.seq;
    if (event.type === 'message.created') {
      if (event.sender === me || event.deleted || event.seq <= this.readSeq) return;
      if (this.#later.length < unreadMax) this.#later.push(event.seq);
    } else if (event.type === 'message.deleted') {
      this.#later = this.#later.filter((seq) => seq !== event.target);
    }
  }

  /** The marker moved to `seq`, here or elsewhere; `unread` is the server's count if it told one. */
  onRead(seq: Seq, unread?: number): void {
    if (seq < this.readSeq) return;
    this.readSeq = seq;
    this.#later = this.#later.filter((later) => later > seq);
    if (seq >= this.#countedTo) this.#counted = 0;
    else if (unread !== undefined) this.#counted = Math.max(0, unread - this.#later.length);
  }

  /** Everything was lost or replaced: start from what the server says now. */
  restart(readSeq: Seq, unread: number, countedTo: Seq): void {
    this.readSeq = readSeq;
    this.#counted = unread;
    this.#countedTo = countedTo;
    this.#later = [];
    this.#seen = 0;
  }
}
