import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { FailureCode } from '../wire/errors';
import type { RoomId, Seq, UserId } from '../wire/protocol';
import type { SentItem, SentStore } from './sent';

export interface OutboxItem {
  clientId: string;
  room: RoomId;
  text: string;
  replyTo?: Seq;
  /** Ascending in the order of writing; rooms send in this order. */
  order: number;
  at: string;
  /** Lost: it was in the log, and no longer is since the log was put back to an earlier state. */
  state: 'pending' | 'failed' | 'lost';
  code?: FailureCode;
  /** Of one that was lost: the epoch of the log that it is missing in. */
  missingIn?: number;
}

export interface Draft {
  room: RoomId;
  text: string;
  replyTo?: Seq;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: OutboxItem };
  drafts: { key: string; value: Draft };
  sent: { key: string; value: SentItem };
}

type Table = 'outbox' | 'drafts' | 'sent';

export interface OutboxStore {
  put(item: OutboxItem): Promise<void>;
  remove(clientId: string): Promise<void>;
  all(): Promise<OutboxItem[]>;
}

export interface DraftStore {
  put(draft: Draft): Promise<void>;
  remove(room: RoomId): Promise<void>;
  all(): Promise<Draft[]>;
}

/** One text that is written at once, while the page is being left: the stores need a moment for that. */
export interface Aside {
  read(): string | null;
  write(value: string | undefined): void;
}

export interface LocalStore {
  outbox: OutboxStore;
  drafts: DraftStore;
  sent: SentStore;
  aside: Aside;
  close(): void;
}

/** One database for each user: what one of them wrote is never in the reach of the next who signs in here. */
export async function openLocalStore(user: UserId): Promise<LocalStore> {
  try {
    const database = await openDB<Schema>(`monstera-${user}`, 2, {
      upgrade(created, before) {
        if (before < 1) {
          created.createObjectStore('outbox', { keyPath: 'clientId' });
          created.createObjectStore('drafts', { keyPath: 'room' });
        }
        if (before < 2) created.createObjectStore('sent', { keyPath: 'clientId' });
      },
      // A newer version of this page waits for it; what is unsent here goes out all the same.
      blocking: () => database.close(),
    });
    return { ...stored(database), aside: localAside(user) };
  } catch {
    // Some browsers deny storage in private windows: then unsent messages live as long as the page does.
    return memoryStore();
  }
}

function localAside(user: UserId): Aside {
  const key = `monstera.drafts.${user}`;
  return {
    read: () => {
      try {
        return localStorage.getItem(key);
      } catch {
        return null;
      }
    },
    write: (value) => {
      try {
        if (value === undefined) localStorage.removeItem(key);
        else localStorage.setItem(key, value);
      } catch {
        // Denied or full: what was kept before is all there is.
      }
    },
  };
}

function stored(database: IDBPDatabase<Schema>): Omit<LocalStore, 'aside'> {
  // Committed in the same breath: a transaction that waits for its requests is dropped when the page goes away.
  async function put<Name extends Table>(name: Name, value: Schema[Name]['value']): Promise<void> {
    const transaction = database.transaction(name, 'readwrite');
    const written = transaction.store.put(value);
    transaction.commit();
    await Promise.all([written, transaction.done]);
  }
  async function remove(name: Table, key: string): Promise<void> {
    const transaction = database.transaction(name, 'readwrite');
    const removed = transaction.store.delete(key);
    transaction.commit();
    await Promise.all([removed, transaction.done]);
  }

  return {
    outbox: {
      put: (item) => put('outbox', item),
      remove: (clientId) => remove('outbox', clientId),
      all: () => database.getAll('outbox'),
    },
    drafts: {
      put: (draft) => put('drafts', draft),
      remove: (room) => remove('drafts', room),
      all: () => database.getAll('drafts'),
    },
    sent: {
      put: (item) => put('sent', item),
      remove: (clientId) => remove('sent', clientId),
      all: () => database.getAll('sent'),
      clear: () => database.clear('sent'),
    },
    close: () => database.close(),
  };
}

export function memoryStore(): LocalStore {
  const outbox = new Map<string, OutboxItem>();
  const drafts = new Map<RoomId, Draft>();
  const sent = new Map<string, SentItem>();
  let aside: string | undefined;
  return {
    outbox: {
      put: async (item) => void outbox.set(item.clientId, item),
      remove: async (clientId) => void outbox.delete(clientId),
      all: async () => [...outbox.values()],
    },
    drafts: {
      put: async (draft) => void drafts.set(draft.room, draft),
      remove: async (room) => void drafts.delete(room),
      all: async () => [...drafts.values()],
    },
    sent: {
      put: async (item) => void sent.set(item.clientId, item),
      remove: async (clientId) => void sent.delete(clientId),
      all: async () => [...sent.values()],
      clear: async () => sent.clear(),
    },
    aside: {
      read: () => aside ?? null,
      write: (value) => {
        aside = value;
      },
    },
    close: () => undefined,
  };
}
