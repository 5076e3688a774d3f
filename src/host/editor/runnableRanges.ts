/** Chooses the parts of a text to run: the statement at the cursor, the selections, or the whole text. */
import { statementAt } from '../../core/sql/split/statements';
import type { SplitText, Statement } from '../../core/sql/split/splitTypes';
import type { Span } from './edits';

/** A part of a text that becomes one job. */
export interface RunnableRange extends Span {
  readonly kind: 'statement' | 'selection' | 'file';
  readonly text: string;
}

/** A statement with its leading comments, which may contain directives and server hints. */
export function statementRange(text: string, { leadStart: start, end }: Statement): RunnableRange {
  return { kind: 'statement', start, end, text: copyOf(text, start, end) };
}

/** A step of a script: a statement, or several in one transaction. */
export function stepRange(text: string, { start, end }: Span): RunnableRange {
  return { kind: 'statement', start, end, text: copyOf(text, start, end) };
}

/** The whole text as one transaction. */
export function wholeFile(text: string): RunnableRange {
  return { kind: 'file', start: 0, end: text.length, text };
}

/**
 * The selections that are not blank or, if there are none, the statement at each cursor, without duplicates.
 *
 * @param selections the editor's selections; an empty one is a cursor
 */
export function rangesToRun(text: string, split: SplitText, selections: readonly Span[]): RunnableRange[] {
  const selected = selections.flatMap(({ start, end }) => trimmed(text, start, end));
  if (selected.length > 0) return selected.sort((a, b) => a.start - b.start);
  const statements = new Set<Statement>();
  for (const { start } of selections) {
    const statement = statementAt(split, start, text);
    if (statement) statements.add(statement);
  }
  return [...statements].sort((a, b) => a.start - b.start).map((statement) => statementRange(text, statement));
}

/** The statements that overlap the selections, or all statements if nothing is selected. */
export function selectedStatements(text: string, split: SplitText, selections: readonly Span[]): readonly Statement[] {
  const ranges = selections.filter(({ start, end }) => text.slice(start, end).trim() !== '');
  if (ranges.length === 0) return split.statements;
  return split.statements.filter(({ start, end }) => ranges.some((range) => range.start < end && range.end > start));
}

function trimmed(text: string, from: number, to: number): RunnableRange[] {
  const slice = text.slice(from, to);
  const inner = slice.trim();
  if (inner === '') return [];
  const start = from + slice.indexOf(inner.charAt(0));
  const end = start + inner.length;
  return [{ kind: 'selection', start, end, text: copyOf(text, start, end) }];
}

/**
 * Copies a part of a text. A slice in V8 keeps the whole text in memory, so a job that holds a slice would hold a whole version of its
 * file.
 */
function copyOf(text: string, start: number, end: number): string {
  return start === 0 && end === text.length ? text : ` ${text.slice(start, end)}`.slice(1);
}
