import type { RoomId, Seq } from '../wire/protocol';

export type Route =
  | { page: 'chat'; room?: RoomId; seq?: Seq }
  | { page: 'join'; code: string }
  | { page: 'register' }
  | { page: 'growth' };

export function parsePath(path: string): Route {
  const parts = path.split('/').filter(Boolean).map((part) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part;
    }
  });
  if (parts[0] === 'join' && parts[1]) return { page: 'join', code: parts[1] };
  if (parts[0] === 'register') return { page: 'register' };
  if (parts[0] === 'growth') return { page: 'growth' };
  if (parts[0] !== 'rooms' || !parts[1]) return { page: 'chat' };
  const seq = Number(parts[2]);
  return { page: 'chat', room: parts[1].toLowerCase(), ...(Number.isSafeInteger(seq) && seq > 0 ? { seq } : {}) };
}

export function roomPath(room: RoomId, seq?: Seq): string {
  return seq === undefined ? `/rooms/${room}` : `/rooms/${room}/${seq}`;
}

let current = $state.raw<Route>(parsePath(location.pathname));
/** Grows with every step, so that going to the same link twice jumps twice. */
let step = $state(0);

window.addEventListener('popstate', () => {
  current = parsePath(location.pathname);
  step++;
});

export const route = {
  get current(): Route {
    return current;
  },
  get step(): number {
    return step;
  },
  go(path: string, how: 'push' | 'replace' = 'push'): void {
    if (how === 'push' && path !== location.pathname) history.pushState(null, '', path);
    else history.replaceState(null, '', path);
    current = parsePath(path);
    step++;
  },
};
