import type { MessageItem, Reaction, RoomId, Seq, UserId } from '../wire/protocol';

export interface PendingReaction {
  room: RoomId;
  seq: Seq;
  emoji: string;
  on: boolean;
  /** Where it is in the log; from there on the log shows it. */
  ackSeq?: Seq;
}

/** Reactions that were clicked and are not in the log yet, laid over the messages. */
export class PendingReactions {
  #list: PendingReaction[] = [];

  add(reaction: PendingReaction): PendingReaction {
    this.#list = this.#list.filter((each) => each.room !== reaction.room || each.seq !== reaction.seq || each.emoji !== reaction.emoji);
    this.#list.push(reaction);
    return reaction;
  }

  remove(reaction: PendingReaction): void {
    this.#list = this.#list.filter((each) => each !== reaction);
  }

  forget(room: RoomId): void {
    this.#list = this.#list.filter((each) => each.room !== room);
  }

  settle(room: RoomId, last: Seq): void {
    this.#list = this.#list.filter((each) => each.room !== room || each.ackSeq === undefined || each.ackSeq > last);
  }

  over(room: RoomId, item: MessageItem, me: UserId): MessageItem {
    const pending = this.#list.filter((each) => each.room === room && each.seq === item.seq);
    if (pending.length === 0 || item.deleted) return item;
    let reactions = item.reactions ?? [];
    for (const { emoji, on } of pending) reactions = on ? added(reactions, emoji, me) : removed(reactions, emoji, me);
    return { ...item, reactions };
  }
}

function added(reactions: Reaction[], emoji: string, me: UserId): Reaction[] {
  const before = reactions.find((each) => each.emoji === emoji);
  if (!before) return [...reactions, { emoji, users: [me], count: 1 }];
  if (before.users.includes(me)) return reactions;
  return reactions.map((each) => (each === before ? { emoji, users: [...each.users, me], count: each.count + 1 } : each));
}

function removed(reactions: Reaction[], emoji: string, me: UserId): Reaction[] {
  return reactions.flatMap((each) => {
    if (each.emoji !== emoji || !each.users.includes(me)) return [each];
    return each.count > 1 ? [{ emoji, users: each.users.filter((user) => user !== me), count: each.count - 1 }] : [];
  });
}
