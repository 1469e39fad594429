import type { MessageItem, Room, RoomEvent, RoomId, Seq, UserId } from '../wire/protocol';
import { foldInto } from './fold';
import { RoomLog } from './room-log';
import type { RoomTimeline } from './timeline';
import { UnreadCount } from './unread';

/** All that is known of one room: its description, its cursor, its count of unread, and its messages once it was shown. */
export class RoomState {
  room: Room;
  readonly log: RoomLog;
  readonly unread: UnreadCount;
  timeline: RoomTimeline | undefined;
  /** While the first page is on its way: what happened since it was asked for. */
  missed: RoomEvent[] | undefined;

  constructor(room: Room) {
    this.room = room;
    this.log = new RoomLog(room.epoch, room.head);
    this.unread = new UnreadCount(room.readSeq, room.unread, room.head);
  }

  get id(): RoomId {
    return this.room.id;
  }

  /** A fresh description from the server; the cursor stays where it is, Resume closes what lies between. */
  describe(room: Room): void {
    const last = room.epoch === this.log.epoch ? newer(this.room.last, room.last) : room.last;
    const { name, topic, members, role } = this.room;
    // An answer that was on its way while we went on is older than what the events told us.
    const older = room.epoch === this.log.epoch && room.head < this.log.last;
    const told = older ? { members, role, ...(name === undefined ? {} : { name }), ...(topic === undefined ? {} : { topic }) } : {};
    this.room = { ...room, ...told, ...(last ? { last } : {}) };
    if (room.epoch === this.log.epoch) this.unread.recount(room.readSeq, room.unread, room.head);
    else this.unread.restart(room.readSeq, room.unread, room.head);
  }

  /** The log starts anew: nothing known of it before holds. */
  reset(epoch: number, head: Seq): void {
    this.log.moveTo(epoch, head);
    this.timeline = undefined;
    // The list may have told of the new log already; else it does soon.
    if (this.room.epoch === epoch) {
      this.unread.restart(this.room.readSeq, this.room.unread, this.room.head);
      return;
    }
    this.unread.restart(0, 0, 0);
    const { last: _last, ...room } = this.room;
    this.room = { ...room, epoch, head };
  }

  apply(event: RoomEvent, me: UserId): void {
    this.missed?.push(event);
    this.timeline?.apply(event);
    this.unread.onEvent(event, me);
    this.room = describedBy(this.room, event, me);
  }
}

function newer(a: MessageItem | undefined, b: MessageItem | undefined): MessageItem | undefined {
  if (!a || !b) return a ?? b;
  if (a.seq === b.seq) return (a.rev ?? a.seq) > (b.rev ?? b.seq) ? a : b;
  return a.seq > b.seq ? a : b;
}

/** The room's description after an event; the very same object when it says nothing about it. */
function describedBy(room: Room, event: RoomEvent, me: UserId): Room {
  switch (event.type) {
    case 'room.updated':
      return { ...room, ...(event.name === undefined ? {} : { name: event.name }), ...(event.topic === undefined ? {} : { topic: event.topic }) };
    case 'member.joined':
      return { ...room, members: event.seq > room.head ? room.members + 1 : room.members };
    case 'member.left':
      return { ...room, members: event.seq > room.head ? Math.max(0, room.members - 1) : room.members };
    case 'member.updated':
      return event.user === me ? { ...room, role: event.role } : room;
    case 'message.created':
      return event.seq > (room.last?.seq ?? 0) ? { ...room, last: { ...event, rev: event.seq } } : room;
    default: {
      if (!('target' in event) || room.last?.seq !== event.target) return room;
      const last = foldInto(room.last, event);
      return last === room.last ? room : { ...room, last };
    }
  }
}
