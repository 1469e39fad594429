import { newClientId, sentAt } from './client-id.ts';
import { CallError, Hub, type HubEnd } from './hub.ts';
import { OwnMessages } from './own-messages.ts';
import { pause } from './pause.ts';
import { RoomCursor, type RoomWitness } from './room-cursor.ts';
import type { EventsPush, HelloAnswer, ResumeAnswer, RoomEvent, SendAnswer } from './wire.ts';

const roomsOfResumeMax = 100;
const laterMs = 1_000;

/** Hears of all that a load test counts. */
export interface Witness extends RoomWitness {
  /** A call was answered, or failed. */
  called(target: string, tookMs: number, error?: CallError): void;
  /** A message was acknowledged and is not in the log, or was not pushed although there was time enough. */
  lost(room: string, what: string): void;
}

export interface ClientOptions {
  url: string;
  callTimeoutMs: number;
  /** A message that was sent so long ago and comes only when it is asked for was not pushed. */
  lateMs: number;
}

interface Sending {
  room: string;
  clientId: string;
  text: string;
}

/** Somebody who chats: cursors and outbox outlive connections, as section 9 of docs/protocol.md says. */
export class Client {
  readonly #options: ClientOptions;
  readonly #witness: Witness;
  readonly #cursors = new Map<string, RoomCursor>();
  readonly #own = new OwnMessages();
  readonly #outbox: Sending[] = [];
  #hub: Hub | undefined;
  #hello: HelloAnswer | undefined;
  #liveSince = Infinity;
  #reconnectAfterMs: number | undefined;
  #isSignedOut = false;
  #wake: () => void = () => undefined;

  constructor(options: ClientOptions, witness: Witness) {
    this.#options = options;
    this.#witness = witness;
  }

  get rooms(): string[] {
    return [...this.#cursors.keys()];
  }

  /** Connected, and all rooms are live since this time (milliseconds since 1970). */
  get liveSince(): number {
    return this.#liveSince;
  }

  /** What the server said to the last `Hello`. */
  get hello(): HelloAnswer | undefined {
    return this.#hello;
  }

  get isConnected(): boolean {
    return this.#hub?.isOpen ?? false;
  }

  /** The server asked to connect anew after so long. */
  get reconnectAfterMs(): number | undefined {
    return this.#reconnectAfterMs;
  }

  /** The server ended the connection because its credentials are not good any more. */
  get isSignedOut(): boolean {
    return this.#isSignedOut;
  }

  /** A room from which the client goes on, as a page of messages or the list of rooms tells. Rooms that are known stay where they are. */
  enter(room: string, epoch: number, head: number): void {
    if (this.#cursors.has(room)) return;
    this.#cursors.set(room, new RoomCursor(room, epoch, head, { ...bound(this.#witness), event: (...all) => this.#event(...all) }));
  }

  /**
   * Connects, says `Hello`, resumes every room and sends again what is not acknowledged.
   * @returns how the connection ended when it came to nothing.
   */
  async connect(token: string): Promise<HubEnd | undefined> {
    this.#leave();
    this.#reconnectAfterMs = undefined;
    this.#isSignedOut = false;
    const hub = new Hub({ url: this.#options.url, token, callTimeoutMs: this.#options.callTimeoutMs, onMessage: (...all) => this.#hear(hub, ...all) });
    this.#hub = hub;
    if (!(await hub.opened)) return await hub.ended;

    try {
      // Neither waits for the other: the server takes them in this order.
      [this.#hello] = await Promise.all([
        this.call<HelloAnswer>('Hello', { protocol: 1, client: 'k6' }),
        this.#resume([...this.#cursors.values()]),
      ]);
    } catch (error) {
      hub.close({ how: 'told', detail: String(error) });
      return await hub.ended;
    }

    this.#liveSince = Date.now();
    for (const sending of [...this.#outbox]) void this.#send(hub, sending);
    return undefined;
  }

  /** Resolves when the connection ends, or the server asks to connect anew. */
  interrupted(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      if (!this.#hub || this.#reconnectAfterMs !== undefined) resolve();
      else void this.#hub.ended.then(() => resolve());
    });
  }

  /** A call that the witness hears of. @throws CallError */
  async call<T>(target: string, argument: unknown): Promise<T> {
    const begunAt = Date.now();
    try {
      const answer = await (this.#hub?.call<T>(target, argument) ?? Promise.reject(new CallError({ code: '(closed)', message: 'There is no connection.' })));
      this.#witness.called(target, Date.now() - begunAt);
      return answer;
    } catch (error) {
      if (error instanceof CallError) this.#witness.called(target, Date.now() - begunAt, error);
      throw error;
    }
  }

  /** Sends a message, now or after the next connection; it is tried again as long as the server lets it be. */
  post(room: string, text: string): void {
    const sending = { room, clientId: newClientId(Date.now()), text };
    this.#outbox.push(sending);
    this.#own.add(sending.clientId, room);
    if (this.#hub && this.isConnected) void this.#send(this.#hub, sending);
  }

  /** Messages that the server has not acknowledged. */
  get unacknowledged(): number {
    return this.#outbox.length;
  }

  /** Waits until all that was sent is acknowledged and seen. @returns whether that came to pass in time. */
  async settle(msMax: number): Promise<boolean> {
    const until = Date.now() + msMax;
    while (this.isConnected && this.#own.open > 0 && Date.now() < until) await pause(50);
    return this.#own.open === 0;
  }

  /** Asks for the end of every log: whatever comes only now, although it is old, was not pushed; what was acknowledged and did not come is lost. */
  async audit(): Promise<void> {
    const live = [...this.#cursors.values()].filter((cursor) => cursor.isLive);
    await this.#resume(live, (room, event) => {
      const sent = sentAt(event.clientId);
      if (sent !== undefined && Date.now() - sent > this.#options.lateMs) this.#witness.lost(room, `event ${event.seq} is in the log and was not pushed`);
    });
    for (const { clientId, room, ackSeq } of this.#own.takeMissing()) this.#witness.lost(room, `message ${clientId} was acknowledged as ${ackSeq} and is not in the log`);
  }

  /** @returns how it ended. */
  async close(): Promise<HubEnd | undefined> {
    const hub = this.#hub;
    this.#leave();
    hub?.close();
    return await hub?.ended;
  }

  #leave(): void {
    this.#hub = undefined;
    this.#liveSince = Infinity;
    for (const cursor of this.#cursors.values()) cursor.leave();
  }

  /** Until every room is live. @throws CallError */
  async #resume(cursors: RoomCursor[], look?: (room: string, event: RoomEvent) => void): Promise<void> {
    let left = cursors;
    while (left.length > 0) {
      const batch = left.slice(0, roomsOfResumeMax);
      left = left.slice(roomsOfResumeMax);
      for (const cursor of batch) cursor.resuming();
      const answer = await this.call<{ rooms: ResumeAnswer[] }>('Resume', { rooms: batch.map((cursor) => cursor.position) });
      const receivedAt = Date.now();
      let isLater = false;
      for (const [index, room] of answer.rooms.entries()) {
        const cursor = batch[index];
        if (!cursor) continue;
        for (const event of room.events ?? []) look?.(cursor.room, event);
        const next = cursor.resumed(room, receivedAt);
        if (room.error) this.#witness.called('Resume', 0, new CallError(room.error));
        if (next === 'resume' || next === 'later') left.push(cursor);
        else if (next === 'forget') this.#cursors.delete(cursor.room);
        isLater ||= next === 'later';
      }

      if (isLater) await pause(laterMs, this.#hub?.ended);
    }
  }

  #hear(hub: Hub, target: string, argument: unknown, receivedAt: number): void {
    if (hub !== this.#hub) return;
    if (target === 'Events') this.#push(argument as EventsPush, receivedAt);
    else if (target === 'SignedOut') this.#isSignedOut = true;
    else if (target === 'Reconnect') {
      this.#reconnectAfterMs = (argument as { afterMs: number }).afterMs;
      this.#wake();
    }
  }

  #push(push: EventsPush, receivedAt: number): void {
    const cursor = this.#cursors.get(push.room);
    if (cursor?.push(push, receivedAt) !== 'resume') return;

    // Whatever is thrown here was told to the witness, and the connection says itself when it ends.
    this.#resume([cursor]).catch(() => undefined);
  }

  #event(room: string, event: RoomEvent, receivedAt: number, live: boolean): void {
    this.#judge(room, event.clientId, this.#own.seen(event.clientId, room, event.seq), event.seq);
    this.#witness.event(room, event, receivedAt, live);
  }

  async #send(hub: Hub, sending: Sending): Promise<void> {
    while (hub === this.#hub && hub.isOpen) {
      try {
        const { seq } = await this.call<SendAnswer>('Send', sending);
        this.#outbox.splice(this.#outbox.indexOf(sending), 1);
        this.#judge(sending.room, sending.clientId, this.#own.acknowledged(sending.clientId, seq), seq);
        return;
      } catch (error) {
        if (!(error instanceof CallError) || error.retryAfterMs === undefined) {
          this.#outbox.splice(this.#outbox.indexOf(sending), 1);
          this.#own.forget(sending.clientId);
          return;
        }

        await pause(error.retryAfterMs * (1 + Math.random()), hub.ended);
      }
    }
  }

  #judge(room: string, clientId: string | undefined, fault: ReturnType<OwnMessages['seen']>, seq: number): void {
    if (fault === 'twice') this.#witness.duplicate(room, seq, seq);
    else if (fault === 'misplaced') this.#witness.lost(room, `message ${clientId ?? ''} was acknowledged under another seq than ${seq}`);
  }
}

/** Its methods, so that one of them can be replaced. */
function bound(witness: Witness): RoomWitness {
  return {
    event: (...all) => witness.event(...all),
    gap: (...all) => witness.gap(...all),
    duplicate: (...all) => witness.duplicate(...all),
    told: (...all) => witness.told(...all),
    reset: (...all) => witness.reset(...all),
  };
}
