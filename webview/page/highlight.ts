import type { FindMark } from './findBar';
import type { JsonToken } from './jsonText';

/**
 * Highlighting without elements: the CSS Custom Highlight API colors ranges of plain text nodes, so that ten thousand JSON tokens need no
 * elements, and values never become markup.
 */
const KINDS: readonly JsonToken['kind'][] = ['key', 'string', 'number', 'word'];
/** Ranges are live objects, so their number is limited. */
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

/** Highlights a found text in the drawn cells, and the current match separately. */
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

/** The searched text as a regular expression; undefined if it is not valid. */
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
