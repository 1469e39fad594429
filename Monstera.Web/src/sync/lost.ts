import type { MessageItem, MessagePage, Seq, UserId } from '../wire/protocol';
import { isMessage } from './fold';
import type { PageWhere } from './timeline';

/** An own message of which we know where it stood in the log. */
export interface Placed {
  clientId: string;
  seq: Seq;
  at: string;
}

export interface Found<T> {
  /** Not in the log, in ascending order of where they stood. */
  lost: T[];
  /** With the place at which they stand now. */
  there: T[];
  /** Up to here the log is the same as before, as far as can be told. */
  same: Seq;
}

const pageItems = 100;

/**
 * Which of the messages are not in a log that was put back to an earlier state. Such a log is the beginning of the one before
 * and whatever was written since: so from the newest to the oldest, until one stands where it stood. Undefined when the log
 * is no longer of this epoch.
 */
export async function findLost<T extends Placed>(
  sent: readonly T[], me: UserId, epoch: number, read: (where: PageWhere, limit: number) => Promise<MessagePage>,
): Promise<Found<T> | undefined> {
  const standsAt = new Map<string, MessageItem>();
  const ranges: { from: Seq; to: Seq }[] = [];
  const isRead = (seq: Seq) => ranges.some(({ from, to }) => from <= seq && seq <= to);
  const add = (page: MessagePage, to: Seq) => {
    for (const item of page.items) {
      if (isMessage(item) && item.sender === me && item.clientId !== undefined) standsAt.set(item.clientId, item);
    }
    ranges.push({ from: page.before ?? 0, to });
    return page.before ?? 0;
  };

  const newest = await read({}, pageItems);
  if (newest.epoch !== epoch) return undefined;
  add(newest, newest.head);

  const found: Found<T> = { lost: [], there: [], same: 0 };
  for (const message of [...sent].sort((a, b) => b.seq - a.seq)) {
    // All before it is the same as well.
    if (found.same > 0) {
      found.there.push(message);
      continue;
    }
    for (let before = message.seq + 1; message.seq <= newest.head && !standsAt.has(message.clientId) && !isRead(message.seq); ) {
      const page = await read({ before }, pageItems);
      if (page.epoch !== epoch) return undefined;
      before = Math.min(before - 1, add(page, before - 1));
    }
    const item = standsAt.get(message.clientId);
    if (!item) found.lost.unshift(message);
    else {
      found.there.push({ ...message, seq: item.seq, at: item.at });
      // One that was sent again since may have got the same place, but at another time.
      if (item.seq === message.seq && item.at === message.at) found.same = item.seq;
    }
  }
  return found;
}
