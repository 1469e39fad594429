import { findLost } from '../sync/lost';
import { retryDelayMs } from '../sync/backoff';
import type { Clock } from '../wire/clock';
import { CodedError } from '../wire/errors';
import type { MessageItem, RoomEvent, RoomId, UserId } from '../wire/protocol';
import type { Rest } from '../wire/rest';
import type { Outbox } from './outbox';
import type { Sent, SentItem } from './sent';

export interface LossesParts {
  me: UserId;
  sent: Sent;
  outbox: Pick<Outbox, 'offer' | 'confirm'>;
  rest: Pick<Rest, 'messages'>;
  clock: Clock;
  /** The epoch of the room's log, if it is known. */
  epochOf(room: RoomId): number | undefined;
  /** Runs `work` while no other tab does so for the same room. */
  exclusively(room: RoomId, work: () => Promise<void>): Promise<void>;
}

type OwnMessage = Pick<MessageItem, 'clientId' | 'seq' | 'text' | 'at' | 'replyTo'>;

/** Looked for in one room; older ones are let go. */
const lookedForMax = 200;
const attemptsMax = 8;

/**
 * Own messages that a room lost when it was put back to an earlier state, as from a backup. They are looked for in the log as it
 * is now, and those that are not in it are offered, to be sent again or not. Nothing is sent by itself, and nothing of others.
 */
export class Losses {
  readonly #parts: LossesParts;
  /** True when there is more to look for than when it began. */
  #looking = new Map<RoomId, boolean>();
  #roomCount = 0;
  #stopped = false;

  constructor(parts: LossesParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A room that was missing may have come, and its log be a later one than that in which we knew it. */
  roomsChanged(count: number): void {
    if (count > this.#roomCount) this.lookEverywhere();
    this.#roomCount = count;
  }

  /** Of what happens in a room, own messages are kept, as they are now. */
  happened(room: RoomId, events: readonly RoomEvent[]): void {
    const epoch = this.#parts.epochOf(room) ?? 0;
    for (const event of events) {
      if (event.type === 'message.created' && event.sender === this.#parts.me) this.acknowledged(room, event);
      else if (event.type === 'message.edited') this.#parts.sent.edited(room, epoch, event.target, event.text);
      else if (event.type === 'message.deleted') this.#parts.sent.edited(room, epoch, event.target, undefined);
    }
  }

  /** An own message is in the log. */
  acknowledged(room: RoomId, message: OwnMessage): void {
    const item = sentItem(room, this.#parts.epochOf(room) ?? 0, message);
    if (item) void this.#parts.sent.note(item);
  }

  /** The room has a greater epoch than `before`; `shown` are own messages that were known from the log of that time. */
  async restored(room: RoomId, before: number, shown: readonly MessageItem[]): Promise<void> {
    await this.#parts.sent.learn();
    for (const item of shown) {
      const message = sentItem(room, before, item);
      // Kept first: whoever reloads now is asked all the same.
      if (message) await this.#parts.sent.note(message);
    }
    await this.look(room);
  }

  /** After every connection: a log may have been put back while nobody looked. */
  lookEverywhere(): void {
    for (const room of this.#parts.sent.behind(this.#parts.epochOf)) void this.look(room);
  }

  async look(room: RoomId): Promise<void> {
    if (this.#looking.has(room)) {
      this.#looking.set(room, true);
      return;
    }
    this.#looking.set(room, false);
    try {
      await this.#parts.exclusively(room, () => this.#look(room));
    } finally {
      const again = this.#looking.get(room);
      this.#looking.delete(room);
      if (again) await this.look(room);
    }
  }

  async #look(room: RoomId): Promise<void> {
    const { sent, me, rest, clock } = this.#parts;
    for (let attempts = 1; attempts <= attemptsMax && !this.#stopped; attempts++) {
      const epoch = this.#parts.epochOf(room);
      await sent.learn();
      const known = epoch === undefined ? [] : sent.before(room, epoch);
      if (epoch === undefined || known.length === 0) return;
      try {
        const newest = known.sort((a, b) => a.seq - b.seq).slice(-lookedForMax);
        const found = await findLost(newest, me, epoch, (where, limit) => rest.messages(room, where, limit));
        if (this.#stopped) return;
        if (found) {
          await this.#settle(epoch, found);
          return;
        }
      } catch (error) {
        // What cannot be answered now is asked after the next connection.
        if (error instanceof CodedError && error.retryAfterMs === undefined) return;
      }
      await new Promise<void>((resolve) => clock.after(retryDelayMs(1_000, attempts, clock), resolve));
    }
  }

  async #settle(epoch: number, { lost, there, same }: { lost: SentItem[]; there: SentItem[]; same: number }): Promise<void> {
    const { sent, outbox } = this.#parts;
    for (const item of lost) {
      const { replyTo, ...rest } = item;
      // What it answered may be another message by now, unless the log is the same up to there.
      await outbox.offer({ ...rest, epoch, ...(replyTo !== undefined && replyTo <= same ? { replyTo } : {}) });
      await sent.note({ ...item, epoch, text: '' });
    }
    for (const item of there) await sent.note({ ...item, epoch });
    outbox.confirm(there.map((item) => item.clientId));
  }
}

/** Undefined for what could not be recognised, or has no text to send. */
function sentItem(room: RoomId, epoch: number, { clientId, seq, text, at, replyTo }: OwnMessage): SentItem | undefined {
  if (clientId === undefined || text === undefined || text === '') return undefined;
  return { clientId, room, epoch, seq, text, at, ...(replyTo === undefined ? {} : { replyTo }) };
}
