export type Theme = 'system' | 'light' | 'dark';
const storageKey = 'monstera.theme';

function initial(): Theme {
  const chosen = document.documentElement.dataset['theme'];
  return chosen === 'light' || chosen === 'dark' ? chosen : 'system';
}

let chosen = $state<Theme>(initial());

export const theme = {
  get current(): Theme {
    return chosen;
  },
  set current(next: Theme) {
    chosen = next;
    if (next === 'system') delete document.documentElement.dataset['theme'];
    else document.documentElement.dataset['theme'] = next;
    try {
      if (next === 'system') localStorage.removeItem(storageKey);
      else localStorage.setItem(storageKey, next);
    } catch {
      // Then it is chosen for this page only.
    }
  },
};
