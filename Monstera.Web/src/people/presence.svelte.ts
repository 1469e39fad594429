import { SvelteMap } from 'svelte/reactivity';
import type { PresenceState, RoomId, UserId } from '../wire/protocol';

const typingShownMs = 6_000;

/** Who is here, and who types: hints that expire by themselves. */
export class Presence {
  /** Those who are not offline. */
  readonly #states = new SvelteMap<UserId, PresenceState>();
  readonly #typing = new SvelteMap<string, { room: RoomId; user: UserId; timer: number }>();

  /** People of a room that was opened. `states`: those of them who are not simply online. */
  opened(users: readonly UserId[], states: Readonly<Record<UserId, PresenceState>> = {}): void {
    this.#states.clear();
    for (const user of users) this.changed(user, states[user] ?? 'online');
  }

  changed(user: UserId, state: PresenceState): void {
    if (state === 'offline') this.#states.delete(user);
    else this.#states.set(user, state);
  }

  of(user: UserId | undefined): PresenceState {
    return (user !== undefined && this.#states.get(user)) || 'offline';
  }

  /** How many others than this one are here. */
  countWithout(me: UserId): number {
    return this.#states.size - (this.#states.has(me) ? 1 : 0);
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
