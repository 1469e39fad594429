import type { Unsent } from '../outbox/outbox';
import { isMessage } from '../sync/fold';
import type { MessageItem, Seq, SystemItem, TimelineItem, UserId } from '../wire/protocol';

export type Row =
  | { kind: 'day'; key: string; at: string }
  | { kind: 'unread'; key: string }
  | { kind: 'system'; key: string; item: SystemItem }
  | { kind: 'message'; key: string; item: MessageItem; first: boolean }
  | { kind: 'unsent'; key: string; item: Unsent; first: boolean };

export interface RowsOf {
  items: readonly TimelineItem[];
  unsent: readonly Unsent[];
  me: UserId;
  /** The marker as it was when the room was opened: the first message of others after it is new. */
  divider: Seq | undefined;
  /** Whether there is more above: then the first item is not the first new one, only the first that is loaded. */
  hasBefore?: boolean;
}

/** Messages of one author within this time stand under one name. */
const groupMs = 5 * 60_000;

/** An own message keeps its key from the outbox to the log, so that it does not flicker on its way. */
export function keyOf(item: MessageItem, me: UserId): string {
  return item.sender === me && item.clientId !== undefined ? item.clientId : String(item.seq);
}

/** Remembers the rows, so that those that stayed the same are the same objects, and nothing is drawn again for them. */
export function rowBuilder(): (of: RowsOf) => Row[] {
  let known = new Map<string, Row>();
  return (of) => {
    const rows = buildRows(of).map((row) => {
      const before = known.get(row.key);
      return before && isSame(before, row) ? before : row;
    });
    known = new Map(rows.map((row) => [row.key, row]));
    return rows;
  };
}

function isSame(a: Row, b: Row): boolean {
  if (a.kind === 'day' || a.kind === 'unread') return a.kind === b.kind;
  if (a.kind !== b.kind) return false;
  return a.item === b.item && ('first' in a ? a.first : undefined) === ('first' in b ? b.first : undefined);
}

export function buildRows({ items, unsent, me, divider, hasBefore = false }: RowsOf): Row[] {
  const rows: Row[] = [];
  let day = '';
  let group: { sender: UserId; at: number } | undefined;
  let divided = divider === undefined || (hasBefore && (items[0]?.seq ?? 0) > divider);

  const beginDay = (at: string, key: string) => {
    const name = new Date(at).toDateString();
    if (name === day) return;
    day = name;
    group = undefined;
    rows.push({ kind: 'day', key: `day-${key}`, at });
  };
  const isFirst = (sender: UserId, at: number, alone: boolean) => {
    const first = alone || group === undefined || group.sender !== sender || at - group.at > groupMs;
    group = { sender, at };
    return first;
  };

  const inLog = new Set<string>();
  for (const item of items) {
    beginDay(item.at, String(item.seq));
    if (!divided && divider !== undefined && item.seq > divider && isMessage(item) && item.sender !== me) {
      divided = true;
      group = undefined;
      rows.push({ kind: 'unread', key: 'unread' });
    }
    if (!isMessage(item)) {
      group = undefined;
      rows.push({ kind: 'system', key: String(item.seq), item });
      continue;
    }
    const key = keyOf(item, me);
    inLog.add(key);
    rows.push({ kind: 'message', key, item, first: isFirst(item.sender, Date.parse(item.at), item.replyTo !== undefined) });
  }
  for (const item of unsent) {
    if (inLog.has(item.clientId)) continue;
    // What the log lost stands here with its own time, and begins no day.
    const lost = item.state === 'lost';
    if (!lost) beginDay(item.at, item.clientId);
    rows.push({ kind: 'unsent', key: item.clientId, item, first: isFirst(me, Date.parse(item.at), lost || item.replyTo !== undefined) });
    if (lost) group = undefined;
  }
  return rows;
}
