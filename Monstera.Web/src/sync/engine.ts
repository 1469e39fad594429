import type { Clock } from '../wire/clock';
import { CodedError, NoAnswerError } from '../wire/errors';
import type { Hub, HubFactory } from '../wire/hub';
import type {
  Ack, EventsFrame, HelloResult, MessageItem, OpenResult, ResumeAnswer, Room, RoomEvent, RoomId, RoomList, Seq, Signal, SignedOutReason, UserId,
} from '../wire/protocol';
import type { Rest } from '../wire/rest';
import { AwayRooms } from './away-rooms';
import { reconnectDelayMs, retryDelayMs } from './backoff';
import { Connection, type ConnectionStatus, type SessionCheck } from './connection';
import { isMessage } from './fold';
import { PagesReader } from './pages-reader';
import { ReadMarks, type MarkAnswer } from './read-marks';
import { Resumer } from './resumer';
import { RoomState } from './room-state';
import type { PageWhere } from './timeline';

export interface EngineParts {
  me: UserId;
  connect: HubFactory;
  rest: Pick<Rest, 'rooms' | 'room' | 'messages'>;
  clock: Clock;
  checkSession(): Promise<SessionCheck>;
  /** Whether this device is in use. */
  isActive(): boolean;
}

/** What the engine tells. None of these may throw; all of them are called after the state has changed. */
export interface EngineListener {
  status(status: ConnectionStatus): void;
  hello(hello: HelloResult): void;
  /** The list of rooms, or a count or description in it, changed. */
  rooms(): void;
  timeline(room: RoomId): void;
  events(room: RoomId, events: readonly RoomEvent[]): void;
  /** Own messages that are in the log for certain. */
  confirmed(clientIds: string[]): void;
  /** A room's log was put back to an earlier state, and has a greater epoch since. `mine`: own messages that were shown from the log before. */
  restored(room: RoomId, before: number, mine: readonly MessageItem[]): void;
  /** The storage of a room that was away answers again. */
  back(room: RoomId): void;
  signal(signal: Signal): void;
  opened(room: RoomId, people: OpenResult): void;
  signedOut(reason: SignedOutReason): void;
}

const callAttemptsMax = 5;
const typingEveryMs = 3_000;

/** The client's side of docs/protocol.md, section 9: a cursor per room, kept moving, whatever the connection does. */
export class Engine {
  readonly rooms = new Map<RoomId, RoomState>();
  readonly #parts: EngineParts;
  readonly #listener: EngineListener;
  readonly #connection: Connection;
  readonly #resumer: Resumer;
  readonly #pages: PagesReader;
  readonly #away: AwayRooms;
  readonly #marks: ReadMarks;
  #open: RoomId | undefined;
  #typedAt = new Map<RoomId, number>();
  #roomsStale = false;
  #readingRooms = false;
  #whenOnline: (() => void)[] = [];

  constructor(parts: EngineParts, listener: EngineListener) {
    this.#parts = parts;
    this.#listener = listener;
    this.#resumer = new Resumer({
      clock: parts.clock,
      log: (room) => this.rooms.get(room)?.log,
      onAnswer: (answer) => this.#onAnswer(answer),
      onFailed: () => this.#connection.giveUp(),
    });
    this.#pages = new PagesReader(parts, (room) => this.rooms.get(room), {
      changed: (room) => this.#onPage(room),
      resume: (room) => this.#resumer.want(room),
      another: (state, epoch, head) => this.#startAnew(state, epoch, head),
    });
    this.#away = new AwayRooms({
      clock: parts.clock,
      probe: (room) => parts.rest.room(room),
      resume: (room) => this.#resumer.want(room),
      refresh: () => void this.refreshRooms(),
    });
    this.#marks = new ReadMarks({
      clock: parts.clock,
      isOnline: () => this.#connection.status.state === 'online',
      mark: (room, seq) => this.call<MarkAnswer>('MarkRead', { room, seq }),
      marked: (room, { seq, unread }) => this.rooms.get(room)?.unread.onRead(seq, unread),
      done: () => this.#listener.rooms(),
    });
    this.#connection = new Connection({
      connect: parts.connect,
      clock: parts.clock,
      checkSession: parts.checkSession,
      greet: (hub) => this.#greet(hub),
      onEvents: (frame) => this.#onFrame(frame),
      onSignals: (signals) => signals.forEach((signal) => this.#onSignal(signal)),
      onStatus: (status) => this.#onStatus(status),
      onLost: () => {
        this.#resumer.detach();
        this.#away.pause();
      },
    });
  }

  get status(): ConnectionStatus {
    return this.#connection.status;
  }

  /** Whether the room's storage does not answer at present; what is known of it stays. */
  isAway(room: RoomId): boolean {
    return this.#away.has(room);
  }

  /** Rooms of ours of which nothing can be shown at present. */
  get missing(): ReadonlySet<RoomId> {
    return this.#away.unknown;
  }

  start(): void {
    this.#connection.start();
  }

  stop(): void {
    this.#pages.stop();
    this.#away.stop();
    this.#connection.stop();
  }

  retryNow(): void {
    this.#connection.retryNow();
  }

  /** The network came, went, or the machine woke up. */
  networkChanged(): void {
    if (this.#connection.status.state === 'waiting') this.#connection.retryNow();
    else this.#connection.renew();
  }

  /** One call, without trying again: whoever calls knows what a failure means. */
  call<T>(method: string, argument: unknown): Promise<T> {
    return this.#connection.call<T>(method, argument);
  }

  /** A write that carries its `clientId`, and so may be repeated until it is answered. */
  async write(method: 'Edit' | 'Delete' | 'React' | 'Pin', argument: { room: RoomId; clientId: string }): Promise<Ack> {
    const epoch = this.rooms.get(argument.room)?.log.epoch;
    for (let attempts = 1; ; attempts++) {
      try {
        return await this.call<Ack>(method, argument);
      } catch (error) {
        const again = error instanceof NoAnswerError || (error instanceof CodedError && error.retryAfterMs !== undefined);
        if (!again || attempts >= callAttemptsMax) throw error;
        if (error instanceof CodedError) await this.#pause(retryDelayMs(error.retryAfterMs ?? 0, attempts, this.#parts.clock));
        else await this.#untilOnline();
        // In another log the same `seq` is another message.
        if (this.rooms.get(argument.room)?.log.epoch !== epoch) throw error;
      }
    }
  }

  /** Shows a room: reads its first page if there is none, and asks for its signals. */
  open(room: RoomId): void {
    if (this.#open === room) return;
    this.close();
    this.#open = room;
    this.rooms.get(room)?.timeline?.watch(true);
    this.#pages.readFirst(room);
    void this.#askOnline(room);
  }

  close(): void {
    const room = this.#open;
    if (room === undefined) return;
    this.#open = undefined;
    this.rooms.get(room)?.timeline?.watch(false);
    this.#pages.rested(room);
    this.call('Close', { room }).catch(() => undefined);
  }

  failedToRead(room: RoomId): boolean {
    return this.#pages.failed(room) !== undefined;
  }

  readAgain(room: RoomId): void {
    this.#pages.readFirst(room);
  }

  readPage(room: RoomId, where: PageWhere): Promise<boolean> {
    return this.#pages.read(room, where);
  }

  /** The marker moves at once here, and soon on the server, once for many messages. */
  markRead(room: RoomId, seq: Seq): void {
    const state = this.rooms.get(room);
    if (!state || seq <= state.unread.readSeq) return;
    state.unread.onRead(seq);
    this.#listener.rooms();
    this.#marks.set(room, seq);
  }

  typing(room: RoomId): void {
    const now = this.#parts.clock.now();
    if (now - (this.#typedAt.get(room) ?? -Infinity) < typingEveryMs) return;
    this.#typedAt.set(room, now);
    this.call('Typing', { room }).catch(() => undefined);
  }

  /** After a send the next keystroke is news again. */
  typingEnded(room: RoomId): void {
    this.#typedAt.delete(room);
  }

  /** A room that we made or joined a moment ago: shown before the server's list tells of it. */
  addRoom(room: Room): void {
    this.#describe(room);
    this.#resumer.want(room.id);
    this.#listener.rooms();
  }

  removeRoom(room: RoomId): void {
    if (!this.rooms.delete(room)) return;
    this.#marks.forget(room);
    this.#away.forget(room);
    this.#listener.rooms();
  }

  async refreshRooms(): Promise<void> {
    this.#roomsStale = true;
    if (this.#readingRooms) return;
    this.#readingRooms = true;
    try {
      for (let failures = 0; this.#roomsStale && this.#connection.status.state === 'online'; ) {
        this.#roomsStale = false;
        try {
          this.#onRooms(await this.#parts.rest.rooms());
        } catch {
          this.#roomsStale = true;
          await this.#pause(reconnectDelayMs(failures++, this.#parts.clock.random()));
        }
      }
    } finally {
      this.#readingRooms = false;
    }
  }

  // 1. Hello. 2. The rooms. 3. Resume with every cursor. Only then are we online.
  async #greet(hub: Hub): Promise<void> {
    this.#resumer.attach(hub);
    this.#listener.hello(await hub.call<HelloResult>('Hello', { protocol: 1, client: 'monstera-web/1', active: this.#parts.isActive() }));
    const first = await hub.call<RoomList>('Rooms', {});
    this.#onRooms(first.next === undefined ? first : await this.#parts.rest.rooms());
    await this.#resumer.settle(this.rooms.keys());
  }

  #onRooms({ items, missing = [] }: RoomList): void {
    // What is missing is not gone: only its storage does not answer.
    const listed = new Set([...items.map((room) => room.id), ...missing]);
    for (const id of this.rooms.keys()) if (!listed.has(id)) this.removeRoom(id);
    for (const room of items) {
      const live = this.rooms.has(room.id) && !this.#away.has(room.id);
      this.#describe(room);
      // While greeting all rooms are resumed together, after this.
      if (!live && this.#connection.status.state === 'online') this.#resumer.want(room.id);
    }
    this.#away.listed(missing, (room) => this.rooms.has(room));
    this.#listener.rooms();
  }

  #describe(room: Room): void {
    const state = this.rooms.get(room.id);
    if (state) state.describe(room);
    else this.rooms.set(room.id, new RoomState(room));
    if (!state && this.#open === room.id) this.#pages.readFirst(room.id);
  }

  #onStatus(status: ConnectionStatus): void {
    this.#listener.status(status);
    if (status.state === 'signedOut') this.#listener.signedOut(status.reason);
    if (status.state !== 'online') return;
    for (const resume of this.#whenOnline.splice(0)) resume();
    this.#pages.online();
    if (this.#roomsStale) void this.refreshRooms();
    if (this.#open !== undefined) void this.#askOnline(this.#open);
    this.#marks.tell();
  }

  #onFrame(frame: EventsFrame): void {
    const state = this.rooms.get(frame.room);
    // A room that we do not know yet: the signal `rooms` comes beside it, and its Resume brings these events.
    if (!state) return;
    const outcome = state.log.onFrame(frame);
    this.#apply(state, outcome.apply);
    if (outcome.resume) this.#resumer.want(frame.room);
  }

  #onAnswer(answer: ResumeAnswer): void {
    const state = this.rooms.get(answer.room);
    if (!state) return;
    if (answer.error) {
      state.log.resumeFailed();
      if (answer.error.retryAfterMs === undefined) this.removeRoom(answer.room);
      else this.#away.refused(answer.room, answer.error.retryAfterMs);
      this.#listener.rooms();
      return;
    }
    if (this.#away.answered(answer.room)) this.#onBack(answer.room);
    const outcome = state.log.onAnswer(answer);
    if (outcome.kind === 'reset') {
      this.#startAnew(state, outcome.epoch, outcome.head);
      this.#resumer.want(answer.room);
      this.#listener.timeline(answer.room);
      if (this.#open === answer.room) this.#pages.readFirst(answer.room);
      return;
    }
    this.#apply(state, outcome.apply);
    if (outcome.resume) this.#resumer.want(answer.room);
  }

  /** The storage of a room answers again: what could not be read meanwhile is read now. */
  #onBack(room: RoomId): void {
    if (this.#open === room) {
      this.#pages.readFirst(room);
      void this.#askOnline(room);
    }
    void this.refreshRooms();
    this.#listener.rooms();
    this.#listener.back(room);
  }

  /** The room's log is another than the one we know: nothing of that holds any more. */
  #startAnew(state: RoomState, epoch: number, head: Seq): void {
    const before = state.log.epoch;
    const mine = state.timeline?.sentBy(this.#parts.me) ?? [];
    state.reset(epoch, head);
    this.#marks.forget(state.id);
    if (epoch > before) this.#listener.restored(state.id, before, mine);
    // What is unread of it only the list tells.
    void this.refreshRooms();
  }

  #apply(state: RoomState, events: readonly RoomEvent[]): void {
    if (events.length === 0) return;
    const mine: string[] = [];
    for (const event of events) {
      state.apply(event, this.#parts.me);
      if (event.sender === this.#parts.me && event.clientId !== undefined) mine.push(event.clientId);
      if (event.type === 'member.left' && event.user === this.#parts.me) void this.refreshRooms();
    }
    if (mine.length > 0) this.#listener.confirmed(mine);
    this.#listener.events(state.id, events);
    this.#listener.timeline(state.id);
    this.#listener.rooms();
  }

  #onPage(room: RoomId): void {
    const timeline = this.rooms.get(room)?.timeline;
    timeline?.watch(this.#open === room);
    const mine = timeline?.window.items.flatMap((item) =>
      isMessage(item) && item.sender === this.#parts.me && item.clientId !== undefined ? [item.clientId] : []);
    if (mine && mine.length > 0) this.#listener.confirmed(mine);
    this.#listener.timeline(room);
  }

  #onSignal(signal: Signal): void {
    if (signal.type === 'rooms') void this.refreshRooms();
    else if (signal.type === 'read') {
      this.rooms.get(signal.room)?.unread.onRead(signal.seq, signal.unread);
      this.#listener.rooms();
    } else this.#listener.signal(signal);
  }

  async #askOnline(room: RoomId): Promise<void> {
    try {
      const people = await this.call<OpenResult>('Open', { room });
      if (this.#open === room) this.#listener.opened(room, people);
    } catch {
      // A hint only: after the next connection it is asked again.
    }
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.#parts.clock.after(delayMs, resolve));
  }

  #untilOnline(): Promise<void> {
    if (this.#connection.status.state === 'online') return Promise.resolve();
    return new Promise((resolve) => this.#whenOnline.push(resolve));
  }
}
