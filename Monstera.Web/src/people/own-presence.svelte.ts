import type { Clock } from '../wire/clock';
import type { PresenceChoice, PresenceState } from '../wire/protocol';
import { watchActivity, type Activity } from './activity';

export interface OwnPresenceParts {
  clock: Clock;
  /** Tells the server whether this device is in use. */
  tell(active: boolean): Promise<unknown>;
  keep(choice: PresenceChoice): Promise<{ choice: PresenceChoice }>;
  watch?: (clock: Clock, changed: (active: boolean) => void) => Activity;
}

/** Our own presence: whether this device is in use, and what others are to see. */
export class OwnPresence {
  choice = $state<PresenceChoice>('auto');
  #active = $state(true);
  #online = $state(false);
  /** What the server was told. */
  #told = true;
  readonly #parts: OwnPresenceParts;
  readonly #activity: Activity;

  constructor(parts: OwnPresenceParts) {
    this.#parts = parts;
    this.#activity = (parts.watch ?? watchActivity)(parts.clock, (active) => {
      this.#active = active;
      this.#tell();
    });
    this.#active = this.#activity.active;
  }

  /** As we see ourselves. */
  get state(): PresenceState | 'invisible' {
    if (!this.#online) return 'offline';
    if (this.choice !== 'auto') return this.choice;
    return this.#active ? 'online' : 'idle';
  }

  /** For Hello, which tells it. */
  greet(): boolean {
    return (this.#told = this.#active);
  }

  setOnline(online: boolean): void {
    this.#online = online;
    this.#tell();
  }

  /** Shown at once, and taken back when it is refused. */
  async choose(choice: PresenceChoice): Promise<void> {
    const before = this.choice;
    this.choice = choice;
    try {
      this.choice = (await this.#parts.keep(choice)).choice;
    } catch (error) {
      this.choice = before;
      throw error;
    }
  }

  stop(): void {
    this.#activity.stop();
  }

  #tell(): void {
    if (!this.#online || this.#told === this.#active) return;
    this.#told = this.#active;
    // A hint: the next Hello says it again.
    this.#parts.tell(this.#active).catch(() => undefined);
  }
}
