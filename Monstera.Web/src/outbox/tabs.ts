import type { Seq, UserId } from '../wire/protocol';
import type { OutboxItem } from './store';

export type TabNews =
  | { kind: 'put'; item: OutboxItem }
  | { kind: 'acked'; clientId: string; seq: Seq }
  | { kind: 'removed'; clientId: string };

/** What the tabs of one user in one browser share: one of them sends at a time, and all see what is unsent. */
export interface Tabs {
  /** Runs `work` while no other tab runs one of the same name. */
  exclusively(name: string, work: () => Promise<void>): Promise<void>;
  tell(news: TabNews): void;
  listen(listener: (news: TabNews) => void): void;
  close(): void;
}

export function browserTabs(user: UserId): Tabs {
  const name = `monstera-outbox-${user}`;
  const channel = typeof BroadcastChannel === 'undefined' ? undefined : new BroadcastChannel(name);
  // Web Locks need a secure context; over plain HTTP in a local network each tab sends for itself, and the server's
  // dedupe by clientId keeps a message from being doubled.
  const locks: LockManager | undefined = navigator.locks;
  return {
    exclusively: async (work, run) => {
      if (locks) await locks.request(`${name}-${work}`, run);
      else await run();
    },
    tell: (news) => channel?.postMessage(news),
    listen: (listener) => {
      if (channel) channel.onmessage = (message: MessageEvent<TabNews>) => listener(message.data);
    },
    close: () => channel?.close(),
  };
}
