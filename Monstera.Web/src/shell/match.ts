const folded = (text: string) => text.normalize('NFKC').toLowerCase();

/** How well a name answers a query: the start best, then the start of a word, then within, then its letters in order. */
export function matchScore(query: string, name: string): number {
  const wanted = folded(query).trim();
  const text = folded(name);
  if (wanted === '') return 1;
  const at = text.indexOf(wanted);
  if (at === 0) return 4;
  if (at > 0) return /[\s._-]/.test(text.charAt(at - 1)) ? 3 : 2;
  let from = 0;
  for (const character of wanted) {
    const found = text.indexOf(character, from);
    if (found < 0) return 0;
    from = found + character.length;
  }
  return 1;
}
