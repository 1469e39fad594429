import { createContext } from 'svelte';
import { Drafts } from '../outbox/drafts';
import { Losses } from '../outbox/losses';
import { Outbox, type Unsent } from '../outbox/outbox';
import { Sent } from '../outbox/sent';
import { openLocalStore, type LocalStore } from '../outbox/store';
import { browserTabs, type Tabs } from '../outbox/tabs';
import { OwnPresence } from '../people/own-presence.svelte';
import { People } from '../people/people.svelte';
import { Presence } from '../people/presence.svelte';
import { toasts } from '../shell/toasts.svelte';
import type { ConnectionStatus, SessionCheck } from '../sync/connection';
import { Engine } from '../sync/engine';
import { isMessage } from '../sync/fold';
import type { PageWhere } from '../sync/timeline';
import { Quotes } from '../timeline/quotes.svelte';
import type { ScrollPlace } from '../timeline/scroll-keeper';
import { systemClock } from '../wire/clock';
import { CodedError } from '../wire/errors';
import { connectHub } from '../wire/hub';
import type { Ack, HelloResult, MessageItem, PresenceState, Room, RoomEvent, RoomId, Seq, SignedOutReason, TimelineItem, User, UserId } from '../wire/protocol';
import { rest } from '../wire/rest';
import { newId } from './ids';
import { PendingReactions } from './pending-reactions';

export interface RoomSummary {
  room: Room;
  unread: number;
  draft: boolean;
  /** Its storage does not answer at present. */
  away: boolean;
  /** Own messages that its log lost. */
  lost: number;
}

export interface Shown {
  room: RoomId;
  /** Of its log: in another, what has the same `seq` is something else. */
  epoch: number | undefined;
  away: boolean;
  /** Undefined until the first page is there. */
  items: readonly TimelineItem[] | undefined;
  failed: boolean;
  before: Seq | undefined;
  after: Seq | undefined;
  atTail: boolean;
  unsent: readonly Unsent[];
}

const refreshWithinMs = 100;

export const [chatOf, provideChat] = createContext<Chat>();

/** What the interface shows, kept in step with the engine; and what people do, handed on to it. */
export class Chat {
  readonly people = new People(rest);
  readonly presence = new Presence();
  readonly own: OwnPresence;
  readonly quotes = new Quotes(rest);
  readonly drafts: Drafts;
  readonly outbox: Outbox;
  readonly losses: Losses;
  readonly engine: Engine;
  readonly #store: LocalStore;
  readonly #tabs: Tabs;
  readonly #sent: Sent;
  readonly #reactions = new PendingReactions();
  readonly #places = new Map<RoomId, ScrollPlace>();
  readonly #onSignedOut: (reason: SignedOutReason) => void;
  #dirty = false;

  me = $state.raw<User>() as User;
  workspaceName = $state('');
  status = $state.raw<ConnectionStatus>({ state: 'stopped' });
  wasOnline = $state(false);
  rooms = $state.raw<readonly RoomSummary[]>([]);
  roomsKnown = $state(false);
  /** Rooms of which nothing can be shown at present. */
  missing = $state.raw<ReadonlySet<RoomId>>(new Set());
  shown = $state.raw<Shown>();
  divider = $state.raw<Seq>();
  pendingCount = $state(0);
  announcement = $state('');
  /** Grows when members of the shown room may have changed. */
  membersVersion = $state(0);
  /** The same for its pins. */
  pinsVersion = $state(0);

  private constructor(me: User, store: LocalStore, onSignedOut: (reason: SignedOutReason) => void) {
    this.me = me;
    this.people.learn([me]);
    this.#store = store;
    this.#onSignedOut = onSignedOut;
    this.#tabs = browserTabs(me.id);
    this.drafts = new Drafts(store.drafts, store.aside, systemClock);
    this.#sent = new Sent(store.sent, systemClock);
    this.outbox = new Outbox({
      store: store.outbox, tabs: this.#tabs, clock: systemClock, newId,
      send: (argument) => this.engine.call<Ack>('Send', argument),
      inLog: (room, seq) => (this.engine.rooms.get(room)?.log.last ?? 0) >= seq,
      epochOf: (room) => this.#epochOf(room) ?? 0,
      acknowledged: (item, ack) => this.losses.acknowledged(item.room, { ...item, ...ack }),
      changed: () => this.#refresh(),
    });
    this.losses = new Losses({
      me: me.id, sent: this.#sent, outbox: this.outbox, rest, clock: systemClock, epochOf: (room) => this.#epochOf(room),
      exclusively: (room, work) => this.#tabs.exclusively(`losses-${room}`, work),
    });
    this.own = new OwnPresence({ clock: systemClock, tell: (active) => this.engine.call('SetActivity', { active }), keep: rest.setPresence });
    this.engine = new Engine({ me: me.id, connect: connectHub, rest, clock: systemClock, checkSession, isActive: () => this.own.greet() }, {
      status: (status) => this.#statusChanged(status),
      hello: (hello) => this.#greeted(hello),
      rooms: () => {
        this.losses.roomsChanged(this.engine.rooms.size);
        this.#refresh();
      },
      timeline: () => this.#refresh(),
      events: (room, events) => this.#happened(room, events),
      confirmed: (clientIds) => this.outbox.confirm(clientIds),
      back: (room) => this.outbox.hurry(room),
      restored: (room, before, mine) => this.#restored(room, before, mine),
      signal: (signal) => {
        if (signal.type === 'typing') this.presence.typed(signal.room, signal.user);
        else if (signal.type === 'presence') this.presence.changed(signal.user, signal.state);
        else if (signal.type === 'choice') this.own.choice = signal.choice;
      },
      opened: (_room, { online, states }) => this.presence.opened(online, states),
      signedOut: (reason) => this.#onSignedOut(reason),
    });
  }

  static async open(me: User, onSignedOut: (reason: SignedOutReason) => void): Promise<Chat> {
    const chat = new Chat(me, await openLocalStore(me.id), onSignedOut);
    await Promise.all([chat.drafts.restore(), chat.outbox.restore(), chat.#sent.restore()]);
    chat.engine.start();
    return chat;
  }

  close(): void {
    this.drafts.flush();
    this.outbox.setOnline(false);
    this.losses.stop();
    this.own.stop();
    this.engine.stop();
    this.#tabs.close();
    this.#store.close();
  }

  /** Before signing out. What is not sent stays, and goes out when the same person comes back. */
  forgetSent(): Promise<void> {
    return this.#sent.clear();
  }

  room(id: RoomId): Room | undefined {
    return this.rooms.find((summary) => summary.room.id === id)?.room;
  }

  // Who is here

  /** As we see somebody: ourselves as we chose. */
  presenceOf(user: UserId | undefined): PresenceState | 'invisible' {
    return user === this.me.id ? this.own.state : this.presence.of(user);
  }

  /** How many people of the shown room are here, with ourselves unless nobody is to know. */
  get presentCount(): number {
    return this.presence.countWithout(this.me.id) + (this.own.state === 'offline' || this.own.state === 'invisible' ? 0 : 1);
  }

  // What is shown

  show(id: RoomId): void {
    if (this.shown?.room === id) return;
    this.presence.opened([]);
    const unread = this.engine.rooms.get(id)?.unread;
    this.divider = unread && unread.value > 0 ? unread.readSeq : undefined;
    this.engine.open(id);
    this.shown = this.#view(id);
  }

  showNothing(): void {
    this.engine.close();
    this.shown = undefined;
  }

  placeOf(room: RoomId): ScrollPlace | undefined {
    return this.#places.get(room);
  }

  keepPlace(room: RoomId, place: ScrollPlace): void {
    this.#places.set(room, place);
  }

  readOlder(): Promise<boolean> {
    const { shown } = this;
    if (shown?.before === undefined) return Promise.resolve(false);
    return this.#readPage(shown.room, { before: shown.before });
  }

  readNewer(): Promise<boolean> {
    const { shown } = this;
    if (shown?.after === undefined || shown.atTail) return Promise.resolve(false);
    return this.#readPage(shown.room, { after: shown.after });
  }

  /** What came is shown when this ends: who asks for the next page must not ask for this one again. */
  async #readPage(room: RoomId, where: PageWhere): Promise<boolean> {
    const worked = await this.engine.readPage(room, where);
    this.#refreshAtOnce();
    return worked;
  }

  /** True when the message is among what is shown, read from far away if need be. */
  async reach(room: RoomId, seq: Seq): Promise<boolean> {
    const has = () => this.engine.rooms.get(room)?.timeline?.window.items.some((item) => item.seq === seq) ?? false;
    if (!has()) await this.engine.readPage(room, { around: seq });
    this.#refreshAtOnce();
    return has();
  }

  showTail(): void {
    const { shown } = this;
    if (!shown) return;
    this.engine.rooms.get(shown.room)?.timeline?.showTail();
    this.#refreshAtOnce();
  }

  /** At the bottom, in sight and in focus: all of it is read. */
  readToEnd(): void {
    const { shown } = this;
    const state = shown && this.engine.rooms.get(shown.room);
    if (!shown || !state?.timeline || !shown.atTail) return;
    if (state.timeline.trimTop()) this.#refresh();
    this.engine.markRead(shown.room, state.log.last);
  }

  /** Somebody looks elsewhere while this room is shown: what comes now will be new to them. */
  lookedAway(): void {
    const unread = this.shown && this.engine.rooms.get(this.shown.room)?.unread;
    if (unread?.value === 0) this.divider = undefined;
  }

  cameUnseen(): void {
    const unread = this.shown && this.engine.rooms.get(this.shown.room)?.unread;
    if (this.divider === undefined && unread && unread.value > 0) this.divider = unread.readSeq;
  }

  trimAround(seq: Seq): void {
    const timeline = this.shown && this.engine.rooms.get(this.shown.room)?.timeline;
    if (timeline?.trimAround(seq)) this.#refresh();
  }

  // What people do

  send(room: RoomId, text: string, replyTo?: Seq): void {
    this.engine.typingEnded(room);
    void this.outbox.add(room, text, replyTo);
  }

  async edit(room: RoomId, seq: Seq, text: string): Promise<void> {
    await this.engine.write('Edit', { room, seq, text, clientId: newId() } as { room: RoomId; clientId: string });
  }

  async delete(room: RoomId, seq: Seq): Promise<void> {
    await this.engine.write('Delete', { room, seq, clientId: newId() } as { room: RoomId; clientId: string });
  }

  async pin(room: RoomId, seq: Seq, on: boolean): Promise<void> {
    await this.engine.write('Pin', { room, seq, on, clientId: newId() } as { room: RoomId; clientId: string });
  }

  /** Shown at once, and taken back when it is refused. */
  async react(room: RoomId, seq: Seq, emoji: string, on: boolean): Promise<void> {
    const pending = this.#reactions.add({ room, seq, emoji, on });
    this.#refresh();
    try {
      const argument = { room, seq, emoji, on, clientId: newId() };
      const ack = await this.engine.write('React', argument);
      pending.ackSeq = ack.seq;
    } catch (error) {
      this.#reactions.remove(pending);
      toasts.error(error);
    }
    this.#reactions.settle(room, this.engine.rooms.get(room)?.log.last ?? 0);
    this.#refresh();
  }

  draftChanged(): void {
    this.#refresh();
  }

  // What the engine tells

  #greeted({ user, tenant, presence }: HelloResult): void {
    if (user.id !== this.me.id) {
      // Another tab signed in as somebody else: this page must not go on with what belongs to another.
      this.#onSignedOut('session_ended');
      return;
    }
    this.me = user;
    this.people.learn([user]);
    this.workspaceName = tenant.name;
    this.own.choice = presence.choice;
  }

  #statusChanged(status: ConnectionStatus): void {
    this.status = status;
    const online = status.state === 'online';
    if (online && this.wasOnline) this.people.refresh();
    if (online) this.wasOnline = this.roomsKnown = true;
    this.own.setOnline(online);
    this.outbox.setOnline(online);
    if (online) this.losses.lookEverywhere();
    this.#refresh();
  }

  /** All that names a message of the room by its `seq` now names another, or none. */
  #restored(room: RoomId, before: number, mine: readonly MessageItem[]): void {
    this.#reactions.forget(room);
    this.quotes.forget(room);
    this.#places.delete(room);
    if (this.shown?.room === room) this.divider = undefined;
    const { replyTo: _replyTo, ...draft } = this.drafts.of(room);
    this.drafts.write(draft);
    this.outbox.cutReplies(room, this.engine.rooms.get(room)?.log.last ?? 0);
    void this.losses.restored(room, before, mine);
  }

  #epochOf(room: RoomId): number | undefined {
    return this.engine.rooms.get(room)?.log.epoch;
  }

  #happened(room: RoomId, events: readonly RoomEvent[]): void {
    this.#reactions.settle(room, events.at(-1)?.seq ?? 0);
    this.losses.happened(room, events);
    for (const event of events) {
      if (event.type === 'message.created') this.presence.wrote(room, event.sender);
      if (event.type.startsWith('member.') && room === this.shown?.room) this.membersVersion++;
      if (event.type.endsWith('pinned') && room === this.shown?.room) this.pinsVersion++;
    }
    const last = events.findLast((event) => event.type === 'message.created' && event.sender !== this.me.id);
    if (last?.type === 'message.created' && last.text !== undefined && room === this.shown?.room && events.length < 10) {
      this.announcement = `${this.people.name(last.sender)}: ${last.text.slice(0, 300)}`;
    }
  }

  /** Many changes of one moment become one: what is shown changes at most once a frame, however fast a room is. */
  #refresh(): void {
    if (this.#dirty) return;
    this.#dirty = true;
    if (document.visibilityState === 'visible') requestAnimationFrame(() => this.#refreshNow());
    // Hidden pages paint no frames, but their title counts on.
    setTimeout(() => this.#refreshNow(), refreshWithinMs);
  }

  #refreshAtOnce(): void {
    this.#dirty = true;
    this.#refreshNow();
  }

  #refreshNow(): void {
    if (!this.#dirty) return;
    this.#dirty = false;
    this.rooms = [...this.engine.rooms.values()].map((state) => {
      if (state.room.with) this.people.learn([state.room.with]);
      const lost = this.outbox.lostIn(state.id).length;
      return { room: state.room, unread: state.unread.value, draft: this.drafts.has(state.id), away: this.engine.isAway(state.id), lost };
    });
    this.missing = new Set(this.engine.missing);
    this.pendingCount = this.outbox.pendingCount;
    if (this.shown) this.shown = this.#view(this.shown.room);
  }

  #view(room: RoomId): Shown {
    const timeline = this.engine.rooms.get(room)?.timeline;
    const window = timeline?.window;
    return {
      room,
      epoch: this.#epochOf(room),
      away: this.engine.isAway(room),
      items: window?.items.map((item) => (isMessage(item) ? this.#reactions.over(room, item, this.me.id) : item)),
      failed: this.engine.failedToRead(room),
      before: window?.before,
      after: window?.after,
      atTail: timeline?.atTail ?? true,
      unsent: this.outbox.unsentOf(room),
    };
  }
}

async function checkSession(): Promise<SessionCheck> {
  try {
    await rest.me();
    return 'ok';
  } catch (error) {
    return error instanceof CodedError && (error.code === 'unauthenticated' || error.code === 'token_expired') ? 'ended' : 'unreachable';
  }
}
