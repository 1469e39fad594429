// Light Markdown: text in, a tree out, never HTML. One pass over the text, so that no input, however hostile, takes more
// than linear time or more stack than `depthMax` levels. Emphasis follows what people who write without spaces expect:
// 「これは**「重要」**です」 is bold, where the rules of CommonMark, made for spaces, would show the asterisks.

export type Inline =
  | { kind: 'text'; text: string }
  | { kind: 'break' }
  | { kind: 'code'; text: string }
  | { kind: 'strong'; children: Inline[] }
  | { kind: 'em'; children: Inline[] }
  | { kind: 'strike'; children: Inline[] }
  | { kind: 'link'; href: string; children: Inline[] };

export type Block =
  | { kind: 'paragraph'; children: Inline[] }
  | { kind: 'code'; text: string; language: string }
  | { kind: 'quote'; children: Block[] }
  | { kind: 'list'; ordered: boolean; start: number; items: Block[][] };

const depthMax = 6;
const fence = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)[^`]*$/;
const quoted = /^ {0,3}> ?/;
const listed = /^( {0,3})([-*]|\d{1,3}[.)])( +)(?=\S)/;

export function parseMarkdown(text: string): Block[] {
  return parseBlocks(text.split('\n'), 0);
}

function parseBlocks(lines: readonly string[], depth: number): Block[] {
  if (depth >= depthMax) return lines.length > 0 ? [paragraph(lines)] : [];
  const blocks: Block[] = [];
  let plain: string[] = [];
  const flush = () => {
    if (plain.length > 0) blocks.push(paragraph(plain));
    plain = [];
  };
  for (let at = 0; at < lines.length; ) {
    const line = lines[at] ?? '';
    const taken = takeFence(lines, at) ?? takeQuote(lines, at, depth) ?? takeList(lines, at, depth);
    if (taken) {
      flush();
      blocks.push(taken.block);
      at = taken.next;
    } else {
      // An empty line ends a paragraph; more of them are kept as the distance that somebody wanted.
      if (line.trim() === '') flush();
      else plain.push(line);
      at++;
    }
  }
  flush();
  return blocks;
}

interface Taken {
  block: Block;
  next: number;
}

function takeFence(lines: readonly string[], at: number): Taken | undefined {
  const open = fence.exec(lines[at] ?? '');
  const mark = open?.[1];
  if (!mark) return undefined;
  let end = at + 1;
  while (end < lines.length && !closes(lines[end] ?? '', mark)) end++;
  return { block: { kind: 'code', text: lines.slice(at + 1, end).join('\n'), language: open[2] ?? '' }, next: end + 1 };
}

function closes(line: string, mark: string): boolean {
  const trimmed = line.trim();
  return trimmed.length >= mark.length && trimmed === mark.charAt(0).repeat(trimmed.length);
}

function takeQuote(lines: readonly string[], at: number, depth: number): Taken | undefined {
  let end = at;
  while (end < lines.length && quoted.test(lines[end] ?? '')) end++;
  if (end === at) return undefined;
  const inner = lines.slice(at, end).map((line) => line.replace(quoted, ''));
  return { block: { kind: 'quote', children: parseBlocks(inner, depth + 1) }, next: end };
}

function takeList(lines: readonly string[], at: number, depth: number): Taken | undefined {
  const opening = listed.exec(lines[at] ?? '');
  const first = opening?.[2];
  if (!opening || !first) return undefined;
  const depthOfMark = (opening[1] ?? '').length;
  const ordered = /\d/.test(first);
  const items: string[][] = [];
  let indent = 0;
  let next = at;
  for (; next < lines.length; next++) {
    const line = lines[next] ?? '';
    const mark = listed.exec(line);
    if (mark?.[2] && /\d/.test(mark[2]) === ordered && (mark[1] ?? '').length <= depthOfMark + 1) {
      indent = mark[0].length;
      items.push([line.slice(indent)]);
    } else if (line.startsWith('  ') && line.trim() !== '') {
      items.at(-1)?.push(line.slice(Math.min(indent, line.length - line.trimStart().length)));
    } else break;
  }
  const start = ordered ? Number.parseInt(first, 10) : 1;
  return { block: { kind: 'list', ordered, start, items: items.map((item) => parseBlocks(item, depth + 1)) }, next };
}

function paragraph(lines: readonly string[]): Block {
  return { kind: 'paragraph', children: parseInline(lines.join('\n')) };
}

interface Open {
  mark: string;
  children: Inline[];
}

const kinds: Record<string, 'strong' | 'em' | 'strike'> = { '**': 'strong', __: 'strong', '*': 'em', _: 'em', '~~': 'strike' };
const plainText = /[^\\`*_~[\nh]+/y;
const emphasis = /\*\*|__|\*|_|~~/y;
const linkSyntax = /\[([^[\]\n]{1,500})\]\(((?:https?:\/\/|mailto:)[^\s()<>]{1,2000}(?:\([^\s()<>]{0,500}\)[^\s()<>]{0,500})?)\)/y;
// Only ASCII: in Japanese the sentence goes on right after an address, without a space.
const address = /https?:\/\/[\w.-]+(?::\d{1,5})?(?:[/?#][\w\-.~:/?#[\]@!$&'()*+,;=%|]*)?/y;
const wordBefore = /[A-Za-z0-9_]/;

export function parseInline(text: string): Inline[] {
  const root: Inline[] = [];
  const open: Open[] = [];
  const into = () => open.at(-1)?.children ?? root;
  const put = (piece: string) => {
    const children = into();
    const last = children.at(-1);
    if (last?.kind === 'text') last.text += piece;
    else children.push({ kind: 'text', text: piece });
  };

  for (let at = 0; at < text.length; ) {
    const special = takeSpecial(text, at);
    if (special) {
      if (special.inline.kind === 'text') put(special.inline.text);
      else into().push(special.inline);
      at = special.next;
      continue;
    }
    let mark = match(emphasis, text, at)?.[0];
    // Of `***` at the end the innermost is closed first.
    if (mark?.length === 2 && text.charAt(at + 2) === mark.charAt(0) && open.at(-1)?.mark === mark.charAt(0)) mark = mark.charAt(0);
    if (mark && canMark(text, at, mark)) {
      mend(mark, text, at, open, into, put);
      at += mark.length;
      continue;
    }
    const piece = match(plainText, text, at)?.[0] ?? mark ?? text.charAt(at);
    put(piece);
    at += piece.length;
  }
  // What was opened and never closed is text after all.
  while (open.length > 0) unwind(open, root);
  return root;
}

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

function takeSpecial(text: string, at: number): { inline: Inline; next: number } | undefined {
  const character = text.charAt(at);
  if (character === '\n') return { inline: { kind: 'break' }, next: at + 1 };
  if (character === '\\' && /[\\`*_~[\]()>#+.!-]/.test(text.charAt(at + 1))) {
    return { inline: { kind: 'text', text: text.charAt(at + 1) }, next: at + 2 };
  }
  if (character === '`') return takeCode(text, at);
  if (character === '[') {
    const link = match(linkSyntax, text, at);
    const href = link?.[2] && safeHref(link[2]);
    if (link?.[1] && href) return { inline: { kind: 'link', href, children: [{ kind: 'text', text: link[1] }] }, next: at + link[0].length };
  }
  if (character === 'h' && !wordBefore.test(text.charAt(at - 1))) return takeAddress(text, at);
  return undefined;
}

function takeCode(text: string, at: number): { inline: Inline; next: number } {
  let ticks = 1;
  while (text.charAt(at + ticks) === '`') ticks++;
  const mark = '`'.repeat(ticks);
  for (let end = text.indexOf(mark, at + ticks); end >= 0; end = text.indexOf(mark, end)) {
    let run = ticks;
    while (text.charAt(end + run) === '`') run++;
    if (run === ticks) {
      const inner = text.slice(at + ticks, end);
      const stripped = /^ .*[^ ].* $/s.test(inner) ? inner.slice(1, -1) : inner;
      return { inline: { kind: 'code', text: stripped }, next: end + ticks };
    }
    end += run;
  }
  return { inline: { kind: 'text', text: mark }, next: at + ticks };
}

function takeAddress(text: string, at: number): { inline: Inline; next: number } | undefined {
  const found = match(address, text, at)?.[0];
  if (!found) return undefined;
  const trimmed = trimAddress(found);
  const href = safeHref(trimmed);
  return href ? { inline: { kind: 'link', href, children: [{ kind: 'text', text: trimmed }] }, next: at + trimmed.length } : undefined;
}

/** A full stop or a bracket after an address belongs to the sentence, unless the bracket was opened within. */
function trimAddress(found: string): string {
  let end = found.length;
  let depth = 0;
  for (const character of found) depth += character === '(' ? 1 : character === ')' ? -1 : 0;
  for (; end > 0; end--) {
    const last = found.charAt(end - 1);
    if (last === ')' && depth < 0) depth++;
    else if (!/[.,;:!?'*_|[\]]/.test(last)) break;
  }
  return found.slice(0, end);
}

export function safeHref(address: string): string | undefined {
  try {
    const url = new URL(address);
    return ['http:', 'https:', 'mailto:'].includes(url.protocol) ? url.href : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a mark can open or close at all: `2 * 3`, `snake_case` and a lone `~~` are text. */
function canMark(text: string, at: number, mark: string): boolean {
  const before = text.charAt(at - 1);
  const after = text.charAt(at + mark.length);
  if (mark.startsWith('_') && wordBefore.test(before) && wordBefore.test(after)) return false;
  return isInk(before) || isInk(after);
}

function isInk(character: string): boolean {
  return character !== '' && !/\s/.test(character);
}

function mend(mark: string, text: string, at: number, open: Open[], into: () => Inline[], put: (text: string) => void): void {
  const place = open.findLastIndex((each) => each.mark === mark);
  const canClose = place >= 0 && isInk(text.charAt(at - 1)) && (open[place]?.children.length ?? 0) > 0;
  if (canClose) {
    while (open.length > place + 1) unwind(open, open.at(-2)?.children ?? []);
    const closed = open.pop();
    const kind = kinds[mark];
    if (closed && kind) into().push({ kind, children: closed.children });
  } else if (isInk(text.charAt(at + mark.length)) && open.length < depthMax) {
    open.push({ mark, children: [] });
  } else put(mark);
}

/** Turns the innermost open mark back into text. */
function unwind(open: Open[], root: Inline[]): void {
  const last = open.pop();
  if (!last) return;
  const target = open.at(-1)?.children ?? root;
  for (const inline of [{ kind: 'text' as const, text: last.mark }, ...last.children]) {
    const before = target.at(-1);
    if (inline.kind === 'text' && before?.kind === 'text') before.text += inline.text;
    else target.push(inline);
  }
}

/** The text without its marks, on one line: for previews and for screen readers. */
export function plainOf(text: string, lengthMax = 200): string {
  const flat = (inlines: readonly Inline[]): string =>
    inlines.map((inline) => ('children' in inline ? flat(inline.children) : inline.kind === 'break' ? ' ' : inline.text)).join('');
  const blocks = (list: readonly Block[]): string =>
    list.map((block) => {
      if (block.kind === 'code') return block.text;
      if (block.kind === 'list') return block.items.map(blocks).join(' ');
      return block.kind === 'quote' ? blocks(block.children) : flat(block.children);
    }).join(' ');
  const plain = blocks(parseMarkdown(text.slice(0, lengthMax * 4))).replace(/\s+/g, ' ').trim();
  return plain.length > lengthMax ? `${plain.slice(0, lengthMax - 1)}…` : plain;
}
