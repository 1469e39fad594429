import type { TabNews, Tabs } from '../outbox/tabs';

/** The tabs of one browser: a lock for each name, and news to all but the teller. */
export class FakeBrowser {
  #listeners = new Set<(news: TabNews) => void>();
  #queues = new Map<string, Promise<void>>();

  tab(): Tabs {
    let own: ((news: TabNews) => void) | undefined;
    return {
      exclusively: (name, work) => {
        const done = (this.#queues.get(name) ?? Promise.resolve()).then(work);
        this.#queues.set(name, done);
        return done;
      },
      tell: (news) => this.#listeners.forEach((listener) => listener !== own && listener(structuredClone(news))),
      listen: (listener) => this.#listeners.add((own = listener)),
      close: () => undefined,
    };
  }
}
