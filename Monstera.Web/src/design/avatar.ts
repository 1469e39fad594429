/** One or two letters for a person: the first of each word, or of a Japanese name the first character. */
export function initials(name: string): string {
  const words = name.trim().split(/[\s._-]+/u).filter(Boolean);
  const first = [...(words[0] ?? '?')][0] ?? '?';
  const isLatin = /\p{Script=Latin}/u.test(first);
  const second = isLatin && words.length > 1 ? ([...(words.at(-1) ?? '')][0] ?? '') : '';
  return (first + second).toUpperCase();
}

/** The same person always has the same hue. */
export function hueOf(id: string): number {
  let hash = 0;
  for (let at = 0; at < id.length; at++) hash = (Math.imul(hash, 31) + id.charCodeAt(at)) >>> 0;
  return Math.round((hash % 24) * 15);
}
