export interface Shortcuts {
  switcher(): void;
  help(): void;
  /** One step down or up in the list of rooms, or to the next with unread messages. */
  room(step: 1 | -1, unreadOnly: boolean): void;
  escape(): void;
}

export function onShortcut(event: KeyboardEvent, shortcuts: Shortcuts): void {
  if (event.defaultPrevented || event.isComposing || event.keyCode === 229) return;
  const inDialog = document.querySelector('dialog[open]') !== null;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && event.key.toLowerCase() === 'k') {
    event.preventDefault();
    if (!inDialog) shortcuts.switcher();
  } else if (inDialog) {
    return;
  } else if (event.altKey && !event.ctrlKey && !event.metaKey && (event.key === 'ArrowUp' || event.key === 'ArrowDown')) {
    event.preventDefault();
    shortcuts.room(event.key === 'ArrowDown' ? 1 : -1, event.shiftKey);
  } else if (event.key === '?' && !isTyping(event.target)) {
    event.preventDefault();
    shortcuts.help();
  } else if (event.key === 'Escape') {
    shortcuts.escape();
  }
}

function isTyping(target: EventTarget | null): boolean {
  if (target instanceof HTMLTextAreaElement) return target.value !== '';
  return target instanceof HTMLInputElement || target instanceof HTMLSelectElement;
}
