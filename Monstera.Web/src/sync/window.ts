import type { MessagePage, RoomEvent, Seq, TimelineItem } from '../wire/protocol';
import { foldInto, isMessage, revOf, targetOf } from './fold';

/** A run of timeline items without holes, in ascending `seq`; `before` and `after` say whether there is more. */
export interface ItemWindow {
  readonly items: readonly TimelineItem[];
  readonly before: Seq | undefined;
  readonly after: Seq | undefined;
}

export function windowOf(page: MessagePage): ItemWindow {
  return { items: page.items, before: page.before, after: page.after };
}

/** Both lists in one, ascending; of two states of one item the newer. */
export function mergeItems(a: readonly TimelineItem[], b: readonly TimelineItem[]): TimelineItem[] {
  const merged: TimelineItem[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length || j < b.length) {
    const left = a[i];
    const right = b[j];
    if (left && (!right || left.seq < right.seq)) {
      merged.push(left);
      i++;
    } else if (right && (!left || right.seq < left.seq)) {
      merged.push(right);
      j++;
    } else if (left && right) {
      merged.push(revOf(right) > revOf(left) ? right : left);
      i++;
      j++;
    }
  }
  return merged;
}

/** The place of `seq`, or of where it would be. */
export function placeOf(items: readonly TimelineItem[], seq: Seq): number {
  let low = 0;
  let high = items.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const item = items[middle];
    if (item && item.seq < seq) low = middle + 1;
    else high = middle;
  }
  return low;
}

export function find(window: ItemWindow, seq: Seq): TimelineItem | undefined {
  const item = window.items[placeOf(window.items, seq)];
  return item?.seq === seq ? item : undefined;
}

/** The window after an event changed one of its items; the very same window when it did not. */
export function foldWindow(window: ItemWindow, event: RoomEvent): ItemWindow {
  const target = targetOf(event);
  if (target === undefined) return window;
  const place = placeOf(window.items, target);
  const item = window.items[place];
  if (!item || item.seq !== target || !isMessage(item)) return window;
  const folded = foldInto(item, event);
  return folded === item ? window : { ...window, items: window.items.with(place, folded) };
}

export function append(window: ItemWindow, item: TimelineItem): ItemWindow {
  return { ...window, items: [...window.items, item] };
}

/** A page above this window: its items come first, and where it ends is where there is more. */
export function prepend(window: ItemWindow, page: MessagePage): ItemWindow {
  return { ...window, items: mergeItems(page.items, window.items), before: page.before };
}

export function extend(window: ItemWindow, page: MessagePage): ItemWindow {
  return { ...window, items: mergeItems(window.items, page.items), after: page.after };
}

export function newest(window: ItemWindow, count: number): ItemWindow {
  if (window.items.length <= count) return window;
  const items = window.items.slice(-count);
  return { ...window, items, before: items[0]?.seq };
}

export function oldest(window: ItemWindow, count: number): ItemWindow {
  if (window.items.length <= count) return window;
  const items = window.items.slice(0, count);
  return { ...window, items, after: items.at(-1)?.seq };
}
