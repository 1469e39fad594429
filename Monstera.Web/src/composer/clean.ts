/** The text as the protocol wants it: line feeds only, no other control characters, no half of a surrogate pair. */
export function cleanText(text: string): string {
  return text
    .replace(/\r\n?/g, '\n')
    .replace(/(?![\t\n])\p{Cc}|\p{Cs}/gu, '')
    .replace(/^\s*\n|\s+$/gu, '');
}

export function isSendable(text: string): boolean {
  return /\S/u.test(text);
}
