import type { Clock } from '../wire/clock';

export const idleAfterMs = 5 * 60_000;

/** Whether this device is in use: its page is in sight, and somebody did something in the last five minutes. */
export class Activity {
  readonly #clock: Clock;
  readonly #changed: (active: boolean) => void;
  #active: boolean;
  #visible: boolean;
  #usedAt: number;
  #cancel: (() => void) | undefined;

  constructor(clock: Clock, visible: boolean, changed: (active: boolean) => void) {
    this.#clock = clock;
    this.#changed = changed;
    this.#usedAt = clock.now();
    this.#visible = this.#active = visible;
    if (visible) this.#wait();
  }

  get active(): boolean {
    return this.#active;
  }

  /** Somebody did something. Often called, so it only notes the time. */
  used(): void {
    this.#usedAt = this.#clock.now();
    if (!this.#active && this.#visible) this.#set(true);
  }

  setVisible(visible: boolean): void {
    this.#visible = visible;
    if (visible) this.used();
    else this.#set(false);
  }

  stop(): void {
    this.#cancel?.();
  }

  #set(active: boolean): void {
    if (active === this.#active) return;
    this.#active = active;
    this.#cancel?.();
    if (active) this.#wait();
    this.#changed(active);
  }

  #wait(): void {
    const leftMs = this.#usedAt + idleAfterMs - this.#clock.now();
    if (leftMs <= 0) this.#set(false);
    else this.#cancel = this.#clock.after(leftMs, () => this.#wait());
  }
}

const inputs = ['pointerdown', 'pointermove', 'keydown', 'wheel', 'touchstart'] as const;

/** The same, told by the browser. */
export function watchActivity(clock: Clock, changed: (active: boolean) => void): Activity {
  const activity = new Activity(clock, document.visibilityState === 'visible', changed);
  const used = () => activity.used();
  const visibility = () => activity.setVisible(document.visibilityState === 'visible');
  for (const input of inputs) window.addEventListener(input, used, { passive: true, capture: true });
  document.addEventListener('visibilitychange', visibility);
  const stop = activity.stop.bind(activity);
  activity.stop = () => {
    stop();
    for (const input of inputs) window.removeEventListener(input, used, { capture: true });
    document.removeEventListener('visibilitychange', visibility);
  };
  return activity;
}
