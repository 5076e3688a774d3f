import type { FindMark } from './findBar';
import type { JsonToken } from './jsonText';

/**
 * Colours without elements: the CSS Custom Highlight API paints ranges of plain text nodes, so that ten thousand JSON
 * tokens cost no node, and a value never becomes markup.
 */
const KINDS: readonly JsonToken['kind'][] = ['key', 'string', 'number', 'word'];
/** Ranges are live objects; past this many the rest stays plain. */
const MAX_RANGES = 20_000;

export function highlightJson(node: Text, tokens: readonly JsonToken[]): void {
  for (const kind of KINDS) {
    const ranges = tokens.filter((token) => token.kind === kind).slice(0, MAX_RANGES);
    CSS.highlights.set(`json-${kind}`, new Highlight(...ranges.map((token) => range(node, token.start, token.end))));
  }
}

export function clearHighlights(): void {
  for (const kind of KINDS) CSS.highlights.delete(`json-${kind}`);
}

/** Marks a found text in the cells that are drawn, and that of the current match on its own. */
export function highlightFound(cells: Iterable<Text>, mark: FindMark | undefined, current?: Text): void {
  const pattern = mark === undefined ? undefined : patternOf(mark, 'g');
  if (pattern === undefined) {
    for (const name of ['found', 'found-current']) if (CSS.highlights.has(name)) CSS.highlights.delete(name);
    return;
  }
  const ranges: Range[] = [];
  const currentRanges: Range[] = [];
  for (const node of cells) {
    for (const match of node.data.matchAll(pattern)) {
      if (match[0] === '') continue;
      (node === current ? currentRanges : ranges).push(range(node, match.index, match.index + match[0].length));
    }
  }
  CSS.highlights.set('found', new Highlight(...ranges));
  CSS.highlights.set('found-current', new Highlight(...currentRanges));
}

/** What is looked for as a pattern of the page; undefined where it is none. */
export function patternOf(mark: FindMark, flags: '' | 'g'): RegExp | undefined {
  const source = mark.regex ? mark.text : mark.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  try {
    return new RegExp(source, `${flags}u${mark.matchCase ? '' : 'i'}`);
  } catch {
    return undefined;
  }
}

function range(node: Text, start: number, end: number): Range {
  const made = new Range();
  made.setStart(node, start);
  made.setEnd(node, end);
  return made;
}
