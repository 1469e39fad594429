import { itemOf, foldInto, isMessage, targetOf } from '../sync/fold';
import { CodedError, NoAnswerError } from '../wire/errors';
import type { Hub, HubFactory, HubHandlers } from '../wire/hub';
import type {
  Ack, Cursor, MessagePage, ResumeAnswer, Room, RoomEvent, RoomId, RoomList, Seq, TimelineItem, UserId, WireError,
} from '../wire/protocol';

type NewEvent = { type: string; sender: UserId; clientId?: string } & Record<string, unknown>;

const unavailable: WireError = { code: 'unavailable', message: '', retryAfterMs: 500 };

class FakeRoom {
  epoch = 1;
  events: RoomEvent[] = [];
  readSeq = 0;
  readonly id: RoomId;

  constructor(id: RoomId) {
    this.id = id;
  }

  get head(): Seq {
    return this.events.length;
  }

  items(): TimelineItem[] {
    const items = new Map<Seq, TimelineItem>();
    for (const event of this.events) {
      const item = itemOf(event);
      if (item) items.set(event.seq, item);
      const target = items.get(targetOf(event) ?? 0);
      if (target && isMessage(target)) items.set(target.seq, foldInto(target, event));
    }
    return [...items.values()];
  }
}

/** A server by the book, in memory, whose connections lose, repeat, reorder and break as a test wants. */
export class FakeServer {
  readonly rooms = new Map<RoomId, FakeRoom>();
  readonly connections = new Set<FakeConnection>();
  readonly calls: { method: string; argument: unknown }[] = [];
  reachable = true;
  /** Rooms whose storage does not answer. */
  readonly away = new Set<RoomId>();
  resumeEventsMax = 500;
  /** Called before the answer to a call goes out; may throw to lose the answer, or refuse with a coded error. */
  beforeAnswer: (method: string, argument: never, connection: FakeConnection) => void | Promise<void> = () => undefined;
  beforeCall: (method: string, argument: never) => WireError | undefined = () => undefined;
  /** What becomes of a frame; the default delivers it. */
  deliver: (push: () => void) => void = (push) => push();
  readonly me: UserId;

  constructor(me: UserId = 'me') {
    this.me = me;
  }

  room(id: RoomId): FakeRoom {
    let room = this.rooms.get(id);
    if (!room) this.rooms.set(id, (room = new FakeRoom(id)));
    return room;
  }

  append(id: RoomId, event: NewEvent): Ack {
    const room = this.room(id);
    const before = event.clientId === undefined ? undefined
      : room.events.find((other) => other.sender === event.sender && other.clientId === event.clientId);
    if (before) return { seq: before.seq, at: before.at };
    const seq = room.head + 1;
    const stored = { ...event, seq, at: new Date(Date.UTC(2026, 10, 21) + seq * 1_000 + (room.epoch - 1) * 3_600_000).toISOString() } as unknown as RoomEvent;
    room.events.push(stored);
    for (const connection of this.connections) connection.push(room, [stored]);
    return { seq, at: stored.at };
  }

  say(id: RoomId, text: string, sender: UserId = 'other', clientId?: string): Ack {
    return this.append(id, { type: 'message.created', sender, text, ...(clientId ? { clientId } : {}) });
  }

  describe(room: FakeRoom): Room {
    const unread = room.items().filter((item) => isMessage(item) && !item.deleted && item.sender !== this.me && item.seq > room.readSeq);
    return {
      id: room.id, kind: 'public', name: room.id, epoch: room.epoch, head: room.head, members: 2, role: 'member',
      readSeq: room.readSeq, unread: unread.length, joinedAt: '2026-11-21T00:00:00.000Z',
    };
  }

  list(): RoomList {
    const rooms = [...this.rooms.values()];
    const missing = rooms.filter((room) => this.away.has(room.id)).map((room) => room.id);
    return { items: rooms.filter((room) => !this.away.has(room.id)).map((room) => this.describe(room)), ...(missing.length > 0 ? { missing } : {}) };
  }

  /** The log as it was at `head`, as from a backup, and in a new epoch. */
  putBack(id: RoomId, head: Seq): void {
    const room = this.room(id);
    room.epoch++;
    room.events = room.events.slice(0, head);
    room.readSeq = Math.min(room.readSeq, head);
  }

  /** Its part of REST. */
  readonly rest = {
    rooms: async () => this.list(),
    room: async (id: RoomId) => this.describe(this.#answering(id)),
    messages: async (id: RoomId, where: { before?: Seq; after?: Seq; around?: Seq } = {}, limit = 50) => {
      this.calls.push({ method: 'messages', argument: { room: id, ...where } });
      this.#answering(id);
      return this.page(id, where, limit);
    },
  };

  #answering(id: RoomId): FakeRoom {
    if (this.away.has(id)) throw new CodedError(unavailable);
    return this.room(id);
  }

  page(id: RoomId, where: { before?: Seq; after?: Seq; around?: Seq }, limit = 50): MessagePage {
    const room = this.room(id);
    const items = room.items();
    let from = Math.max(0, items.length - limit);
    let to = items.length;
    if (where.before !== undefined) {
      to = items.filter((item) => item.seq < (where.before ?? 0)).length;
      from = Math.max(0, to - limit);
    } else if (where.after !== undefined) {
      from = items.filter((item) => item.seq <= (where.after ?? 0)).length;
      to = Math.min(items.length, from + limit);
    } else if (where.around !== undefined) {
      from = Math.max(0, items.filter((item) => item.seq < (where.around ?? 0)).length - Math.floor(limit / 2));
      to = Math.min(items.length, from + limit);
    }
    const slice = items.slice(from, to);
    const [first, last] = [slice[0], slice.at(-1)];
    return {
      epoch: room.epoch, head: room.head, items: slice,
      ...(from > 0 && first ? { before: first.seq } : {}),
      ...(to < items.length && last ? { after: last.seq } : {}),
    };
  }

  readonly connect: HubFactory = (handlers) => new FakeConnection(this, handlers);

  cutAll(): void {
    for (const connection of [...this.connections]) connection.cut();
  }
}

export class FakeConnection implements Hub {
  readonly #server: FakeServer;
  readonly handlers: HubHandlers;
  readonly subscribed = new Set<RoomId>();
  #open = false;

  constructor(server: FakeServer, handlers: HubHandlers) {
    this.#server = server;
    this.handlers = handlers;
  }

  async start(): Promise<void> {
    if (!this.#server.reachable) throw new Error('refused');
    this.#open = true;
    this.#server.connections.add(this);
  }

  async stop(): Promise<void> {
    this.cut();
  }

  cut(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#server.connections.delete(this);
    this.handlers.closed();
  }

  push(room: FakeRoom, events: RoomEvent[]): void {
    if (!this.subscribed.has(room.id)) return;
    const { epoch } = room;
    this.#server.deliver(() => this.#open && this.handlers.events({ room: room.id, epoch, events }));
  }

  gap(id: RoomId): void {
    const room = this.#server.room(id);
    this.subscribed.delete(id);
    this.handlers.events({ room: id, epoch: room.epoch, head: room.head, gap: true });
  }

  async call<T>(method: string, argument: unknown): Promise<T> {
    if (!this.#open) throw new NoAnswerError();
    this.#server.calls.push({ method, argument });
    const away = method !== 'Resume' && this.#server.away.has((argument as { room?: RoomId }).room ?? '');
    // Longer than for a Resume: so it is seen who waited for what.
    const refusal = away ? { ...unavailable, retryAfterMs: 30_000 } : this.#server.beforeCall(method, argument as never);
    if (refusal) throw new CodedError(refusal);
    const answer = this.#answer(method, argument as Record<string, unknown>);
    await this.#server.beforeAnswer(method, argument as never, this);
    if (!this.#open) throw new NoAnswerError();
    return answer as T;
  }

  #answer(method: string, argument: Record<string, unknown>): unknown {
    switch (method) {
      case 'Hello':
        return { protocol: 1, connection: 'c', user: { id: this.#server.me }, tenant: {}, server: {}, presence: { choice: 'auto' }, time: '' };
      case 'Rooms':
        return this.#server.list();
      case 'Resume':
        return { rooms: (argument['rooms'] as Cursor[]).map((cursor) => this.#resume(cursor)) };
      case 'Send':
        return this.#server.append(argument['room'] as RoomId, { ...argument, type: 'message.created', sender: this.#server.me });
      case 'React':
        return this.#server.append(argument['room'] as RoomId, {
          type: 'reaction.added', sender: this.#server.me, target: argument['seq'], emoji: argument['emoji'], clientId: argument['clientId'] as string,
        });
      case 'MarkRead': {
        const room = this.#server.room(argument['room'] as RoomId);
        room.readSeq = Math.max(room.readSeq, argument['seq'] as number);
        return { seq: room.readSeq, unread: this.#server.describe(room).unread };
      }
      case 'Open':
        return { online: [], states: {} };
      default:
        return {};
    }
  }

  #resume({ room: id, epoch, seq }: Cursor): ResumeAnswer {
    const room = this.#server.rooms.get(id);
    if (this.#server.away.has(id)) return { room: id, error: unavailable };
    if (!room) return { room: id, error: { code: 'not_found', message: '' } };
    const { head } = room;
    if (epoch !== room.epoch || (seq ?? 0) > head) return { room: id, status: 'reset', epoch: room.epoch, head };
    const events = room.events.slice(seq ?? head, (seq ?? head) + this.#server.resumeEventsMax);
    const next = events.at(-1)?.seq ?? seq ?? head;
    if (next < head) return { room: id, status: 'more', epoch: room.epoch, head, next, events };
    this.subscribed.add(id);
    return { room: id, status: 'complete', epoch: room.epoch, head, next, events };
  }
}
