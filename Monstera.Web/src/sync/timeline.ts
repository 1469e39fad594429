import type { MessageItem, MessagePage, RoomEvent, Seq, TimelineItem } from '../wire/protocol';
import { isMessage, itemOf } from './fold';
import { append, extend, find, foldWindow, mergeItems, newest, oldest, placeOf, prepend, windowOf, type ItemWindow } from './window';

/** Items in the document at once; scrolling further lets go of the far end. */
export const shownMax = 500;
/** Kept of the tail while somebody reads far from it. */
const restingMax = 200;
/** Events remembered to bring a page up to date that was read before them. */
const recentMax = 500;

export type PageWhere = { before: Seq } | { after: Seq } | { around: Seq } | Record<string, never>;

/**
 * What is known of a room's messages: the tail, which is live, and a second window when somebody reads far from it (after
 * a jump, or after scrolling up so far that the newest were let go). Events are folded into both.
 */
export class RoomTimeline {
  #tail: ItemWindow;
  #detached: ItemWindow | undefined;
  /** Created items up to here are in the pages already, or were let go with them. */
  #covered: Seq;
  #recent: RoomEvent[] = [];
  #watched = false;

  constructor(page: MessagePage, missed: readonly RoomEvent[] = []) {
    this.#tail = { ...windowOf(page), after: undefined };
    this.#covered = page.head;
    for (const event of missed) this.apply(event);
  }

  /** What is to be shown. */
  get window(): ItemWindow {
    return this.#detached ?? this.#tail;
  }

  get atTail(): boolean {
    return this.#detached === undefined;
  }

  get covered(): Seq {
    return this.#covered;
  }

  find(seq: Seq): TimelineItem | undefined {
    return (this.#detached && find(this.#detached, seq)) ?? find(this.#tail, seq);
  }

  /** The newest own message that can still be edited. */
  lastOf(sender: string): MessageItem | undefined {
    return this.#tail.items.findLast((item): item is MessageItem => isMessage(item) && item.sender === sender && !item.deleted);
  }

  /** Messages of a sender that are known here, without those that were deleted. */
  sentBy(sender: string): MessageItem[] {
    const known = this.#detached ? mergeItems(this.#detached.items, this.#tail.items) : this.#tail.items;
    return known.filter((item): item is MessageItem => isMessage(item) && item.sender === sender && !item.deleted);
  }

  newestSeq(): Seq {
    return this.#tail.items.at(-1)?.seq ?? 0;
  }

  apply(event: RoomEvent): void {
    this.#recent.push(event);
    if (this.#recent.length > recentMax) this.#recent.shift();
    if (this.#detached) this.#detached = foldWindow(this.#detached, event);
    this.#tail = foldWindow(this.#tail, event);
    if (event.seq <= this.#covered) return;
    this.#covered = event.seq;
    const item = itemOf(event);
    // A page may have been ahead of the events, and holds the item already.
    if (!item || item.seq <= this.newestSeq()) return;
    this.#tail = append(this.#tail, item);
    const beside = !this.#watched || this.#detached !== undefined;
    if (beside && this.#tail.items.length > shownMax) this.#tail = newest(this.#tail, shownMax - 100);
  }

  /** False when the page is older than what we remember since: then it must be read again. */
  add(page: MessagePage, where: PageWhere): boolean {
    const firstRecent = this.#recent[0]?.seq ?? this.#covered + 1;
    if (page.head < this.#covered && page.head + 1 < firstRecent) return false;
    const fresh = this.#bringUpToDate(page);

    if ('around' in where) this.#detached = windowOf(fresh);
    // An answer to where somebody was before a jump no longer adjoins what is shown.
    else if ('before' in where && where.before === this.window.before) this.#addBefore(fresh);
    else if ('after' in where && where.after === this.window.after) this.#addAfter(fresh);
    this.#joinTail();
    return true;
  }

  /** Back to the newest; what was read far from it is let go. */
  showTail(): void {
    this.#detached = undefined;
  }

  /** While somebody is at the bottom the top may go, and only then: what is looked at never moves. */
  trimTop(): boolean {
    if (this.#detached || this.#tail.items.length <= shownMax) return false;
    this.#tail = newest(this.#tail, shownMax - 100);
    return true;
  }

  /** Somebody reads on at `seq` while very much arrives: keep what is around it, and the tail beside it. */
  trimAround(seq: Seq): boolean {
    if (this.#detached || this.#tail.items.length <= 2 * shownMax) return false;
    const items = this.#tail.items;
    const start = Math.max(0, placeOf(items, seq) - shownMax / 2);
    const shown = items.slice(start, start + shownMax);
    this.#detached = { items: shown, before: start === 0 ? this.#tail.before : shown[0]?.seq, after: shown.at(-1)?.seq };
    this.#tail = newest(this.#tail, restingMax);
    return true;
  }

  watch(watched: boolean): void {
    this.#watched = watched;
    if (!watched) this.#tail = newest(this.#tail, shownMax);
  }

  #bringUpToDate(page: MessagePage): MessagePage {
    let window = windowOf(page);
    for (const event of this.#recent) if (event.seq > page.head) window = foldWindow(window, event);
    return { ...page, items: [...window.items] };
  }

  #addBefore(page: MessagePage): void {
    const grown = prepend(this.window, page);
    if (grown.items.length <= shownMax) {
      if (this.#detached) this.#detached = grown;
      else this.#tail = grown;
      return;
    }
    // Too much for one document: the bottom, which is far from the eye, is let go; the tail stays live beside it.
    if (!this.#detached) this.#tail = newest(this.#tail, restingMax);
    this.#detached = oldest(grown, shownMax - 100);
  }

  #addAfter(page: MessagePage): void {
    if (!this.#detached) return;
    const grown = extend(this.#detached, page);
    this.#detached = grown.items.length > shownMax ? newest(grown, shownMax - 100) : grown;
  }

  /** Once the windows overlap they are one again. */
  #joinTail(): void {
    const detached = this.#detached;
    if (!detached) return;
    const tailStart = this.#tail.items[0]?.seq;
    const end = detached.items.at(-1)?.seq ?? 0;
    if (tailStart === undefined || end >= tailStart) {
      this.#tail = { items: mergeItems(detached.items, this.#tail.items), before: detached.before, after: undefined };
      this.#detached = undefined;
    } else if (detached.after === undefined) {
      // The page reached the head of its time, and the tail has moved on since: what lies between is still to be read.
      this.#detached = { ...detached, after: end };
    }
  }
}
