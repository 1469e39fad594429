/** What Enter means here: `send`, `break` a line, or `none` of our business (the input method takes it). */
export type EnterMeaning = 'send' | 'break' | 'none';

type Key = Pick<KeyboardEvent, 'key' | 'isComposing' | 'keyCode' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey' | 'timeStamp'>;

/** Safari ends the composition first and then reports the very same Enter, as if it were an ordinary one. */
const sameKeyMs = 50;

/**
 * Enter chooses a candidate while Japanese is being composed, and must never send then. Browsers tell in three ways:
 * `isComposing`, the key code 229, and (Safari) only through the order of events.
 */
export class CompositionGuard {
  #composing = false;
  #endedAt = -Infinity;

  started(): void {
    this.#composing = true;
  }

  ended(timeStamp: number): void {
    this.#composing = false;
    this.#endedAt = timeStamp;
  }

  composes(key: Key): boolean {
    return this.#composing || key.isComposing || key.keyCode === 229 || Math.abs(key.timeStamp - this.#endedAt) < sameKeyMs;
  }

  enter(key: Key): EnterMeaning {
    if (key.key !== 'Enter' || this.composes(key)) return 'none';
    if (key.altKey) return 'none';
    return key.shiftKey ? 'break' : 'send';
  }
}
