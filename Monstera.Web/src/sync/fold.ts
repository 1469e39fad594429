import type {
  MessageItem, PinChanged, Reaction, ReactionChanged, RoomEvent, Seq, SystemItem, TimelineItem,
} from '../wire/protocol';

const reactionUsersMax = 50;

export function isMessage(item: TimelineItem): item is MessageItem {
  return item.type === 'message.created';
}

/** The `seq` up to which an item is known: an event at or below it is already in the item. */
export function revOf(item: TimelineItem): Seq {
  return isMessage(item) ? (item.rev ?? item.seq) : item.seq;
}

/** The timeline item that this event is, when it is one; edits, reactions and the like change another item instead. */
export function itemOf(event: RoomEvent): TimelineItem | undefined {
  switch (event.type) {
    case 'message.created':
      return { ...event, rev: event.seq };
    case 'room.created':
    case 'room.updated':
    case 'member.joined':
    case 'member.left':
      return event satisfies SystemItem;
    case 'message.pinned':
      return event as PinChanged & { type: 'message.pinned' };
    default:
      return undefined;
  }
}

/** The message that an event changes, if any. */
export function targetOf(event: RoomEvent): Seq | undefined {
  return 'target' in event ? event.target : undefined;
}

/** The item after the event. An event that is already in it (`seq` ≤ `rev`) leaves the very same object. */
export function foldInto(item: MessageItem, event: RoomEvent): MessageItem {
  if (event.seq <= revOf(item)) return item;
  const rev = event.seq;
  if (item.deleted) return { ...item, rev };

  switch (event.type) {
    case 'message.edited':
      // The text of an edit is erased when its message is deleted later: then the deletion is all there is to know.
      if (event.deleted || event.text === undefined) return erased(item, rev);
      return { ...item, text: event.text, editedAt: event.at, rev };
    case 'message.deleted':
      return erased(item, rev);
    case 'reaction.added':
    case 'reaction.removed':
      return { ...item, reactions: react(item.reactions ?? [], event), rev };
    case 'message.pinned':
      return { ...item, pinned: true, rev };
    case 'message.unpinned':
      return { ...item, pinned: false, rev };
    default:
      return item;
  }
}

function erased(item: MessageItem, rev: Seq): MessageItem {
  const { text: _text, reactions: _reactions, pinned: _pinned, editedAt: _editedAt, ...rest } = item;
  return { ...rest, deleted: true, rev };
}

function react(reactions: Reaction[], event: ReactionChanged): Reaction[] {
  const { emoji, sender } = event;
  const before = reactions.find((reaction) => reaction.emoji === emoji);
  if (event.type === 'reaction.added') {
    if (!before) return [...reactions, { emoji, users: [sender], count: 1 }];
    if (before.users.includes(sender)) return reactions;
    const users = before.users.length < reactionUsersMax ? [...before.users, sender] : before.users;
    return reactions.map((reaction) => (reaction === before ? { emoji, users, count: before.count + 1 } : reaction));
  }
  if (!before) return reactions;
  const users = before.users.filter((user) => user !== sender);
  const count = Math.max(users.length, before.count - 1);
  return reactions.flatMap((reaction) => (reaction !== before ? [reaction] : count > 0 ? [{ emoji, users, count }] : []));
}
