import type { RoomSummary } from '../chat/chat.svelte';
import { i18n } from '../texts/texts.svelte';
import type { Room, User } from '../wire/protocol';

export function roomTitle(room: Room, me: User): string {
  if (room.kind !== 'direct') return room.name ?? i18n.t.unnamedRoom;
  if (!room.with || room.with.id === me.id) return i18n.t.noteToSelf(me.displayName);
  return room.with.displayName;
}

/** Rooms by name, direct messages by what happened last. */
export function sortRooms(rooms: readonly RoomSummary[], me: User, language: string): { rooms: RoomSummary[]; directs: RoomSummary[] } {
  const names = new Intl.Collator(language, { numeric: true, sensitivity: 'base' });
  const latest = (summary: RoomSummary) => Date.parse(summary.room.last?.at ?? summary.room.joinedAt) || 0;
  return {
    rooms: rooms.filter(({ room }) => room.kind !== 'direct')
      .sort((a, b) => names.compare(roomTitle(a.room, me), roomTitle(b.room, me)) || (a.room.id < b.room.id ? -1 : 1)),
    directs: rooms.filter(({ room }) => room.kind === 'direct').sort((a, b) => latest(b) - latest(a)),
  };
}

export const canModerate = (room: Room) => room.role !== 'member' && room.kind !== 'direct';
