/** Completion and hover of the comments that set a job's options, such as `-- timeout: 5min`. */
import { DIRECTIVE_NAMES, type DirectiveName } from '../../core/sql/directives';
import type { SplitText } from '../../core/sql/split/statements';
import type { Span } from './edits';

/** What may be offered at a place. Columns are UTF-16 offsets in the line. */
export type DirectiveOffer =
  | { readonly kind: 'names'; readonly replace: Span; readonly names: readonly DirectiveName[] }
  | { readonly kind: 'values'; readonly replace: Span; readonly name: DirectiveName };

/** Values that people often want, beside the connections' names. */
export const VALUES: Readonly<Record<DirectiveName, readonly string[]>> = {
  label: [],
  connection: [],
  timeout: ['30s', '5min', '1h', '0'],
  'worker-timeout': ['30s', '5min', '1h', '0'],
  'queue-size': ['64kB', '256kB', '1MB', '16MB'],
};

const NAME = /^(\s*--+\s*)([a-z-]*)$/i;
const VALUE = /^(\s*--+\s*([a-z-]+)\s*:\s*)(.*)$/i;

/** Longer lines are data, not comments that somebody writes. */
const LONGEST_LINE = 1000;

/** @param before the line up to the cursor. @param rest the line behind it */
export function offerAt(before: string, rest = ''): DirectiveOffer | undefined {
  if (before.length + rest.length > LONGEST_LINE) return undefined;
  const value = VALUE.exec(before);
  if (value) {
    const [, lead = '', name = ''] = value;
    const known = nameOf(name);
    const end = before.length + rest.trimEnd().length;
    return known && { kind: 'values', name: known, replace: { start: lead.length, end } };
  }
  const [, lead = '', typed] = NAME.exec(before) ?? [];
  if (typed === undefined) return undefined;
  const names = DIRECTIVE_NAMES.filter((name) => name.startsWith(typed.toLowerCase()));
  if (names.length === 0) return undefined;
  return { kind: 'names', names, replace: { start: lead.length, end: before.length } };
}

/** The directive whose name or value is at a column of a line, and the place of all of it. */
export function directiveAt(line: string, column: number): { name: DirectiveName; span: Span } | undefined {
  if (line.length > LONGEST_LINE) return undefined;
  const match = VALUE.exec(line.trimEnd());
  const name = match && nameOf(match[2] ?? '');
  if (!name) return undefined;
  const span = { start: line.indexOf('--'), end: line.trimEnd().length };
  return column >= span.start && column <= span.end ? { name, span } : undefined;
}

/** Whether a comment at this offset stands between statements: in one it is only a comment (or part of a string). */
export function isBetweenStatements(split: SplitText, offset: number): boolean {
  let low = 0;
  let high = split.statements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((split.statements[middle]?.end ?? Infinity) < offset) low = middle + 1;
    else high = middle;
  }
  const statement = split.statements[low];
  return statement === undefined || offset <= statement.start;
}

function nameOf(text: string): DirectiveName | undefined {
  return DIRECTIVE_NAMES.find((name) => name === text.toLowerCase());
}
