import { describe, expect, test } from 'vitest';
import { parseInline, parseMarkdown, plainOf, safeHref, type Block, type Inline } from './markdown';

function show(inlines: readonly Inline[]): string {
  return inlines.map((inline) => {
    if (inline.kind === 'text') return inline.text;
    if (inline.kind === 'break') return '/';
    if (inline.kind === 'code') return `<code ${inline.text}>`;
    if (inline.kind === 'link') return `<${inline.href} ${show(inline.children)}>`;
    return `<${inline.kind} ${show(inline.children)}>`;
  }).join('');
}

function showBlocks(blocks: readonly Block[]): string {
  return blocks.map((block) => {
    if (block.kind === 'paragraph') return show(block.children);
    if (block.kind === 'code') return `[code ${block.language}: ${block.text}]`;
    if (block.kind === 'quote') return `[quote ${showBlocks(block.children)}]`;
    return `[${block.ordered ? `ol ${block.start}` : 'ul'} ${block.items.map((item) => `(${showBlocks(item)})`).join('')}]`;
  }).join(' | ');
}

describe('inline', () => {
  test.each([
    ['plain', 'plain'],
    ['**bold** and *italic*', '<strong bold> and <em italic>'],
    ['__bold__ _italic_ ~~gone~~', '<strong bold> <em italic> <strike gone>'],
    ['**a *b* c**', '<strong a <em b> c>'],
    ['***both***', '<strong <em both>>'],
    ['2 * 3 * 4', '2 * 3 * 4'],
    ['snake_case_name', 'snake_case_name'],
    ['**open', '**open'],
    ['a*', 'a*'],
    ['*a **b*', '<em a **b>'],
    ['`x * y` *z*', '<code x * y> <em z>'],
    ['``a ` b``', '<code a ` b>'],
    ['a ` b', 'a ` b'],
    ['\\*not\\*', '*not*'],
    ['one\ntwo', 'one/two'],
    ['これは**「重要」**です', 'これは<strong 「重要」>です'],
    ['**太字。**次の文', '<strong 太字。>次の文'],
  ])('%s', (text, expected) => expect(show(parseInline(text))).toBe(expected));

  test.each([
    ['see https://example.com/a.', 'see <https://example.com/a https://example.com/a>.'],
    ['(https://example.com/a_(b))', '(<https://example.com/a_(b) https://example.com/a_(b)>)'],
    ['https://example.com/を見て', '<https://example.com/ https://example.com/>を見て'],
    ['[docs](https://example.com/x)', '<https://example.com/x docs>'],
    ['[mail](mailto:a@example.com)', '<mailto:a@example.com mail>'],
    ['xhttps://example.com', 'xhttps://example.com'],
    ['https://a.example/_x_y', '<https://a.example/_x_y https://a.example/_x_y>'],
  ])('%s', (text, expected) => expect(show(parseInline(text))).toBe(expected));
});

describe('blocks', () => {
  test.each([
    ['one\n\ntwo', 'one | two'],
    ['```ts\nlet a = `1`;\n```\nafter', '[code ts: let a = `1`;] | after'],
    ['```\nnever closed', '[code : never closed]'],
    ['> a\n> b\nc', '[quote a/b] | c'],
    ['- a\n- b\n  - c', '[ul (a)(b | [ul (c)])]'],
    ['3. c\n4. d', '[ol 3 (c)(d)]'],
    ['# not a heading', '# not a heading'],
    ['', ''],
  ])('%s', (text, expected) => expect(showBlocks(parseMarkdown(text))).toBe(expected));
});

describe('hostile text', () => {
  const depth = (blocks: readonly Block[]): number =>
    1 + Math.max(0, ...blocks.map((block) => (block.kind === 'quote' ? depth(block.children) : block.kind === 'list' ? Math.max(...block.items.map(depth)) : 0)));

  test.each([
    ['quotes', '>'.repeat(10_000)], ['lists', '- '.repeat(5_000)], ['stars', '*'.repeat(10_000)], ['bold', '**a '.repeat(2_500)],
    ['brackets', '['.repeat(10_000)], ['links', '[a]('.repeat(2_500)], ['ticks', '` `` '.repeat(2_000)], ['growing ticks', Array.from({ length: 140 }, (_, n) => '`'.repeat(n)).join(' ')],
    ['addresses', 'https://'.repeat(1_250)], ['mixed', '*_~~**__'.repeat(1_250)], ['h', 'h'.repeat(10_000)], ['escapes', '\\'.repeat(10_000)],
    ['open brackets in links', `[a](https://x${'('.repeat(9_900)}`],
  ])('%s end, soon and shallow', (_name, text) => {
    const started = performance.now();
    expect(depth(parseMarkdown(text))).toBeLessThan(10);
    expect(plainOf(text).length).toBeLessThanOrEqual(200);
    expect(performance.now() - started).toBeLessThan(500);
  });

  test.each(['javascript:alert(1)', 'data:text/html,x', 'vbscript:x', 'JaVaScRiPt:alert(1)', ' javascript:x', 'file:///etc/passwd', '//evil.example'])(
    '%s is no link', (href) => {
      expect(safeHref(href)).toBeUndefined();
      expect(show(parseInline(`[x](${href})`))).not.toContain('<');
    });

  test('markup of HTML stays text', () => {
    const text = '<img src=x onerror=alert(1)><script>alert(1)</script>';
    expect(parseMarkdown(text)).toEqual([{ kind: 'paragraph', children: [{ kind: 'text', text }] }]);
  });
});

test('plain text for previews is one line without marks', () => {
  expect(plainOf('**a**\n- b\n```\nc\n```')).toBe('a b c');
});
