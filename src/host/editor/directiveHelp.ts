/** Completion and hover for directives: comments that set a job's options, such as `-- timeout: 5min`. */
import { countWhile } from '../../core/base/binarySearch';
import { DIRECTIVE_NAMES, type DirectiveName } from '../../core/sql/directives';
import type { SplitText } from '../../core/sql/split/splitTypes';
import type { Span } from './edits';

/** Completions at a position. Columns are UTF-16 offsets in the line. */
export type DirectiveCompletions =
  | { readonly kind: 'names'; readonly replace: Span; readonly names: readonly DirectiveName[] }
  | { readonly kind: 'values'; readonly replace: Span; readonly name: DirectiveName };

/** Suggested values. Connections are suggested by name. */
export const VALUES: Readonly<Record<DirectiveName, readonly string[]>> = {
  label: [],
  connection: [],
  timeout: ['30s', '5min', '1h', '0'],
  'worker-timeout': ['30s', '5min', '1h', '0'],
  'lock-timeout': ['1s', '5s', '30s', '0'],
  retry: ['3', '5', '10'],
  'queue-size': ['64kB', '256kB', '1MB', '16MB'],
  set: ['work_mem = 256MB', 'maintenance_work_mem = 1GB', 'search_path = public'],
  'read-only': ['yes', 'no'],
  durable: ['yes', 'no'],
  into: [],
};

const NAME = /^(\s*--+\s*)([a-z-]*)$/i;
const VALUE = /^(\s*--+\s*([a-z-]+)\s*:\s*)(.*)$/i;

/** A longer line is data, not a comment. */
const MAX_LINE = 1000;

/** The completions at the cursor. @param before the line before the cursor @param rest the line after it */
export function completionsAt(before: string, rest = ''): DirectiveCompletions | undefined {
  if (before.length + rest.length > MAX_LINE) return undefined;
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

/** The directive at a column of a line, and its span in the line. */
export function directiveAt(line: string, column: number): { name: DirectiveName; span: Span } | undefined {
  if (line.length > MAX_LINE) return undefined;
  const match = VALUE.exec(line.trimEnd());
  const name = match && nameOf(match[2] ?? '');
  if (!name) return undefined;
  const span = { start: line.indexOf('--'), end: line.trimEnd().length };
  return column >= span.start && column <= span.end ? { name, span } : undefined;
}

/** Whether an offset is between statements. Inside a statement, a comment is not a directive. */
export function isBetweenStatements(split: SplitText, offset: number): boolean {
  const statement = split.statements[countWhile(split.statements, ({ end }) => end < offset)];
  return statement === undefined || offset <= statement.start;
}

function nameOf(text: string): DirectiveName | undefined {
  return DIRECTIVE_NAMES.find((name) => name === text.toLowerCase());
}
