import { SvelteMap } from 'svelte/reactivity';
import { i18n } from '../texts/texts.svelte';
import type { User, UserId } from '../wire/protocol';
import type { Rest } from '../wire/rest';

const askedMax = 100;

/** Who the ids belong to: asked for together, once, as they come up. */
export class People {
  readonly #known = new SvelteMap<UserId, User>();
  readonly #rest: Pick<Rest, 'users'>;
  #wanted = new Set<UserId>();
  #asked = new Set<UserId>();
  #scheduled = false;

  constructor(rest: Pick<Rest, 'users'>) {
    this.#rest = rest;
  }

  /** The person, if known by now; else they are asked for, and whoever reads this is told when they come. */
  of(id: UserId): User | undefined {
    const user = this.#known.get(id);
    if (!user) this.#want(id);
    return user;
  }

  name(id: UserId): string {
    return this.of(id)?.displayName ?? i18n.t.someone;
  }

  learn(users: Iterable<User>): void {
    for (const user of users) {
      const before = this.#known.get(user.id);
      if (before?.displayName === user.displayName && before.role === user.role) continue;
      this.#known.set(user.id, user);
    }
  }

  all(): User[] {
    return [...this.#known.values()];
  }

  /** After a reconnect names may have changed, and what failed may be asked again. */
  refresh(): void {
    this.#asked.clear();
    for (const id of [...this.#known.keys()].slice(-askedMax)) this.#want(id);
  }

  #want(id: UserId): void {
    if (this.#asked.has(id)) return;
    this.#asked.add(id);
    this.#wanted.add(id);
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => void this.#ask());
  }

  async #ask(): Promise<void> {
    this.#scheduled = false;
    const wanted = [...this.#wanted];
    this.#wanted.clear();
    for (let from = 0; from < wanted.length; from += askedMax) {
      const ids = wanted.slice(from, from + askedMax);
      try {
        this.learn((await this.#rest.users(ids)).items);
      } catch {
        // Asked again after the next reconnect; until then they are “somebody”.
        for (const id of ids) this.#asked.delete(id);
      }
    }
  }
}
