import { i18n } from '../texts/texts.svelte';
import { CodedError, failureCode } from '../wire/errors';

export interface Toast {
  id: number;
  kind: 'error' | 'done';
  text: string;
}

const shownMs = 6_000;
let list = $state<Toast[]>([]);
let lastId = 0;

function show(kind: Toast['kind'], text: string): void {
  const id = ++lastId;
  list = [...list.slice(-2), { id, kind, text }];
  setTimeout(() => toasts.dismiss(id), shownMs);
}

export const toasts = {
  get list(): readonly Toast[] {
    return list;
  },
  error: (error: unknown) => show('error', errorText(error)),
  problem: (text: string) => show('error', text),
  done: (text: string) => show('done', text),
  dismiss(id: number): void {
    list = list.filter((toast) => toast.id !== id);
  },
};

/** What an error means, in the words of the person: by its code, never by the server's message. */
export function errorText(error: unknown): string {
  const code = failureCode(error);
  const wait = error instanceof CodedError && (code === 'locked_out' || code === 'rate_limited') ? error.retryAfterMs : undefined;
  const seconds = wait === undefined ? 0 : Math.ceil(wait / 1_000);
  return seconds > 1 ? `${i18n.t.errors[code]} ${i18n.t.tryAfter(seconds)}` : i18n.t.errors[code];
}
