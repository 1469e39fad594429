const leaf = 'M16 27.2C9.300 24.600 5.400 19.800 5.600 13.900 5.700 9.400 9.600 6.300 13.400 6.600c1.100.1 2 .6 2.600 1.300.6-.7 1.500-1.200 2.600-1.300 3.800-.3 7.700 2.800 7.800 7.300.2 5.900-3.700 10.700-10.400 13.300Z';

let shown = '';

/** The unread total in the title, and a dot on the icon of the tab. */
export function showUnread(total: number, title: string): void {
  document.title = total > 0 ? `(${total > 999 ? '999+' : total}) ${title}` : title;
  const icon = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const state = total > 0 ? 'unread' : 'read';
  if (!icon || shown === state) return;
  shown = state;
  if (total === 0) {
    icon.href = '/favicon.svg';
    return;
  }
  const dot = '<circle cx="25" cy="7" r="6.5" fill="#e5484d" stroke="#fff" stroke-width="2"/>';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#1f7a4d"/><path fill="#fff" d="${leaf}"/>${dot}</svg>`;
  icon.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
