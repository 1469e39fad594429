import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { FailureCode } from '../wire/errors';
import type { RoomId, Seq, UserId } from '../wire/protocol';

export interface OutboxItem {
  clientId: string;
  room: RoomId;
  text: string;
  replyTo?: Seq;
  /** Ascending in the order of writing; rooms send in this order. */
  order: number;
  at: string;
  state: 'pending' | 'failed';
  code?: FailureCode;
}

export interface Draft {
  room: RoomId;
  text: string;
  replyTo?: Seq;
}

interface Schema extends DBSchema {
  outbox: { key: string; value: OutboxItem };
  drafts: { key: string; value: Draft };
}

type Table = 'outbox' | 'drafts';

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

export interface LocalStore {
  outbox: OutboxStore;
  drafts: DraftStore;
  close(): void;
}

/** One database for each user: what one of them wrote is never in the reach of the next who signs in here. */
export async function openLocalStore(user: UserId): Promise<LocalStore> {
  try {
    const database = await openDB<Schema>(`monstera-${user}`, 1, {
      upgrade(created) {
        created.createObjectStore('outbox', { keyPath: 'clientId' });
        created.createObjectStore('drafts', { keyPath: 'room' });
      },
    });
    return stored(database);
  } catch {
    // Some browsers deny storage in private windows: then unsent messages live as long as the page does.
    return memoryStore();
  }
}

function stored(database: IDBPDatabase<Schema>): LocalStore {
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
    close: () => database.close(),
  };
}

export function memoryStore(): LocalStore {
  const outbox = new Map<string, OutboxItem>();
  const drafts = new Map<RoomId, Draft>();
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
    close: () => undefined,
  };
}
