export type ScrollPlace = { at: 'bottom' } | { at: 'row'; key: string; offset: number };

/** So near to the bottom counts as at the bottom. */
const bottomPx = 32;

/**
 * Keeps what somebody looks at where it is. Whatever changes (older messages above, an edit, a wider window, a growing
 * message field), the row at the top of the view stays where it was; at the bottom, the bottom stays in view. The content's
 * children are the rows, each with a `data-key`; the browser's own anchoring must be off (`overflow-anchor: none`).
 */
export class ScrollKeeper {
  readonly #scroller: HTMLElement;
  readonly #content: HTMLElement;
  readonly #onMove: () => void;
  readonly #sticks: () => boolean;
  readonly #observer: ResizeObserver;
  #place: ScrollPlace = { at: 'bottom' };

  /** `sticks` tells whether the bottom is the end of the room, and not of what happens to be loaded. */
  constructor(scroller: HTMLElement, content: HTMLElement, sticks: () => boolean, onMove: () => void) {
    this.#scroller = scroller;
    this.#content = content;
    this.#sticks = sticks;
    this.#onMove = onMove;
    this.#observer = new ResizeObserver(() => this.restore());
    this.#observer.observe(scroller);
    this.#observer.observe(content);
    scroller.addEventListener('scroll', this.#record, { passive: true });
  }

  get place(): ScrollPlace {
    return this.#place;
  }

  get atBottom(): boolean {
    return this.#place.at === 'bottom';
  }

  destroy(): void {
    this.#observer.disconnect();
    this.#scroller.removeEventListener('scroll', this.#record);
  }

  moveTo(place: ScrollPlace): void {
    this.#place = place.at === 'row' && !this.#row(place.key) ? { at: 'bottom' } : place;
    this.restore();
  }

  /** Brings a row into view, a third of the way down; false when it is not there. */
  showRow(key: string): boolean {
    const row = this.#row(key);
    if (!row) return false;
    const offset = Math.max(48, (this.#scroller.clientHeight - row.offsetHeight) / 3);
    this.moveTo({ at: 'row', key, offset });
    return true;
  }

  restore(): void {
    const scroller = this.#scroller;
    if (this.#place.at === 'bottom') {
      scroller.scrollTop = scroller.scrollHeight;
    } else {
      const row = this.#row(this.#place.key);
      if (row) scroller.scrollTop += row.getBoundingClientRect().top - scroller.getBoundingClientRect().top - this.#place.offset;
      // A row near the end cannot be brought to its place: then it is the end that is in view.
      if (this.#isAtBottom(1)) this.#place = { at: 'bottom' };
    }
    this.#onMove();
  }

  readonly #record = (): void => {
    if (this.#isAtBottom(bottomPx)) this.#place = { at: 'bottom' };
    else this.#place = this.#firstVisible() ?? this.#place;
    this.#onMove();
  };

  #isAtBottom(withinPx: number): boolean {
    const { scrollTop, scrollHeight, clientHeight } = this.#scroller;
    return scrollHeight - scrollTop - clientHeight <= withinPx && this.#sticks();
  }

  #row(key: string): HTMLElement | null {
    return this.#content.querySelector<HTMLElement>(`:scope > [data-key="${CSS.escape(key)}"]`);
  }

  #firstVisible(): ScrollPlace | undefined {
    const top = this.#scroller.getBoundingClientRect().top;
    const rows = this.#content.children;
    let low = 0;
    let high = rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((rows[middle]?.getBoundingClientRect().bottom ?? 0) > top) high = middle;
      else low = middle + 1;
    }
    for (let at = low; at < rows.length; at++) {
      const row = rows[at];
      if (row instanceof HTMLElement && row.dataset['key']) {
        return { at: 'row', key: row.dataset['key'], offset: row.getBoundingClientRect().top - top };
      }
    }
    return undefined;
  }
}
