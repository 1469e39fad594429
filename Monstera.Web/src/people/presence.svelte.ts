import { SvelteMap, SvelteSet } from 'svelte/reactivity';
import type { RoomId, UserId } from '../wire/protocol';

const typingShownMs = 6_000;

/** Who is here, and who types: hints that expire by themselves. */
export class Presence {
  readonly online = new SvelteSet<UserId>();
  readonly #typing = new SvelteMap<string, { room: RoomId; user: UserId; timer: number }>();

  opened(users: readonly UserId[]): void {
    this.online.clear();
    for (const user of users) this.online.add(user);
  }

  changed(user: UserId, state: 'online' | 'offline'): void {
    if (state === 'online') this.online.add(user);
    else this.online.delete(user);
  }

  typed(room: RoomId, user: UserId): void {
    const key = `${room} ${user}`;
    window.clearTimeout(this.#typing.get(key)?.timer);
    const timer = window.setTimeout(() => this.#typing.delete(key), typingShownMs);
    this.#typing.set(key, { room, user, timer });
  }

  /** They wrote: what they typed is there. */
  wrote(room: RoomId, user: UserId): void {
    const key = `${room} ${user}`;
    window.clearTimeout(this.#typing.get(key)?.timer);
    this.#typing.delete(key);
  }

  typingIn(room: RoomId, me: UserId): UserId[] {
    return [...this.#typing.values()].filter((each) => each.room === room && each.user !== me).map((each) => each.user);
  }
}
