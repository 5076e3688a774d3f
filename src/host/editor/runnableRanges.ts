/** What of a text is to be run: the statement under the cursor, what is selected, or all of it. */
import { statementAt, type SplitText, type Statement } from '../../core/sql/split/statements';
import type { Span } from './edits';

/** A part of a text that becomes one job. */
export interface Piece extends Span {
  readonly kind: 'statement' | 'selection' | 'file';
  readonly text: string;
}

/** A statement with its own leading comments: they may hold its directives, and hints that the server reads. */
export function pieceOf(text: string, statement: Statement): Piece {
  const { leadStart: start, end } = statement;
  return { kind: 'statement', start, end, text: copyOf(text, start, end) };
}

/** The whole text as one transaction. */
export function wholeText(text: string): Piece {
  return { kind: 'file', start: 0, end: text.length, text };
}

/**
 * Each selection that has more than white space, else the statement under each cursor, each once.
 *
 * @param selections The editor's, a cursor being an empty one.
 */
export function piecesToRun(text: string, split: SplitText, selections: readonly Span[]): Piece[] {
  const selected = selections.flatMap(({ start, end }) => trimmed(text, start, end));
  if (selected.length > 0) return selected.sort((a, b) => a.start - b.start);
  const statements = new Set<Statement>();
  for (const { start } of selections) {
    const statement = statementAt(split, start, text);
    if (statement) statements.add(statement);
  }
  return [...statements].sort((a, b) => a.start - b.start).map((statement) => pieceOf(text, statement));
}

/**
 * Every statement that lies in the selections, or all of them where nothing is selected. A statement that is selected in
 * part counts as selected.
 */
export function selectedStatements(text: string, split: SplitText, selections: readonly Span[]): readonly Statement[] {
  const ranges = selections.filter(({ start, end }) => text.slice(start, end).trim() !== '');
  if (ranges.length === 0) return split.statements;
  return split.statements.filter(({ start, end }) => ranges.some((range) => range.start < end && range.end > start));
}

/** A step of a script: a statement, or several that are one transaction. */
export function pieceOfSpan(text: string, { start, end }: Span): Piece {
  return { kind: 'statement', start, end, text: copyOf(text, start, end) };
}

function trimmed(text: string, from: number, to: number): Piece[] {
  const slice = text.slice(from, to);
  const inner = slice.trim();
  if (inner === '') return [];
  const start = from + slice.indexOf(inner.charAt(0));
  const end = start + inner.length;
  return [{ kind: 'selection', start, end, text: copyOf(text, start, end) }];
}

/**
 * A part of a text that lives on its own. V8's slices keep the text that they are of in memory: a statement that a job
 * holds would hold all of its file, another one with each version of it.
 */
function copyOf(text: string, start: number, end: number): string {
  return start === 0 && end === text.length ? text : ` ${text.slice(start, end)}`.slice(1);
}
