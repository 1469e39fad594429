const hex = '0123456789abcdef';

/** A UUID of version 7: it begins with the time, so that whoever receives the message knows when it was sent. */
export function newClientId(nowMs: number): string {
  const time = Math.floor(nowMs).toString(16).padStart(12, '0');
  const variant = hex[8 + Math.floor(Math.random() * 4)] ?? '8';
  return `${time.slice(0, 8)}-${time.slice(8)}-7${digits(3)}-${variant}${digits(3)}-${digits(12)}`;
}

/** @returns milliseconds since 1970, or undefined when the id was not made by `newClientId`. */
export function sentAt(clientId: string | undefined): number | undefined {
  if (clientId === undefined || clientId.length !== 36 || clientId[14] !== '7') return undefined;
  const ms = parseInt(clientId.slice(0, 8) + clientId.slice(9, 13), 16);
  return Number.isNaN(ms) ? undefined : ms;
}

function digits(count: number): string {
  let text = '';
  for (let i = 0; i < count; i++) text += hex[Math.floor(Math.random() * 16)];
  return text;
}
