/** Divides a script into steps that can each be a job: a single statement, or a transaction from BEGIN to COMMIT. */
import type { FaultOf, FaultSpan } from '../../base/fault';
import type { SkippedTransactions } from '../faults';
import { classify } from '../classify/classify';
import { copyAsInserts } from './copyData';
import { Cursor } from '../lexer/cursor';
import { setParameters } from '../settings/setStatement';
import { stripPsqlCommands } from './stripPsqlCommands';
import type { SplitProblem, SplitText, Statement } from '../split/splitTypes';
import { TextBuilder, type Substitution } from '../textBuilder';

/** A part of a script that becomes one job. */
export interface ScriptStep {
  /** The range in the script, with the comments that belong to the first statement. */
  readonly start: number;
  readonly end: number;
  /** The text to send, if it differs from the script's text in this range. */
  readonly sent?: Substitution;
  /** Parameters for the worker: the transaction modes of BEGIN. */
  readonly modes: Readonly<Record<string, string>>;
}

/** A transaction that psql would not commit. Its statements are not run. */
export type SkippedTransaction = FaultOf<SkippedTransactions> & { readonly span: FaultSpan };

export interface ScriptSteps {
  readonly steps: readonly ScriptStep[];
  readonly skipped: readonly SkippedTransaction[];
  /** The number of COPY … FROM STDIN that became INSERTs. */
  readonly copies: number;
}

/** The effect of a transaction control statement. */
type Control = 'begin' | 'commit' | 'commitChain' | 'rollback' | 'rollbackChain' | 'other';

interface Block {
  readonly begin: Statement;
  readonly modes: Readonly<Record<string, string>>;
  readonly inner: Statement[];
  /** Begun by its first statement, because of `\set AUTOCOMMIT off`. */
  readonly implicit: boolean;
}

/**
 * Finds the steps of a script.
 *
 * @param statements the statements of `split` to run
 * @param autocommitOff whether psql begins a transaction implicitly at this offset; called with increasing offsets
 */
export function scriptSteps(
  text: string,
  split: SplitText,
  statements: readonly Statement[] = split.statements,
  autocommitOff: (offset: number) => boolean = () => false,
): ScriptSteps {
  const steps = new StepBuilder(text, split);
  let block: Block | undefined;
  let joined: Statement[] = [];
  const begin = (statement: Statement, modes: Block['modes'], implicit = false): Block => ({
    begin: statement,
    modes,
    inner: implicit ? [statement] : [],
    implicit,
  });
  for (const statement of statements) {
    const control = controlOf(text, statement);
    if (block) {
      if (control === 'commit' || control === 'commitChain') steps.add(block.inner, block.modes);
      else if (control === 'rollback' || control === 'rollbackChain') steps.skip('script.rolledBack', block, statement);
      else if (control !== 'begin') block.inner.push(statement);
      if (control === 'commit' || control === 'rollback') block = undefined;
      else if (control === 'commitChain' || control === 'rollbackChain') block = begin(statement, block.modes);
      continue;
    }
    if (control === 'begin') block = begin(statement, beginModes(text, statement));
    else if (control === undefined || control === 'other') {
      if (autocommitOff(statement.start) && !refusesBlock(text, statement)) {
        block = begin(statement, {}, true);
        continue;
      }
      joined.push(statement);
      // psql sends statements joined by \; together, so they are one transaction.
      if (text.startsWith('\\;', statement.next - 2)) continue;
      steps.add(joined, {});
      joined = [];
    }
    // COMMIT and ROLLBACK outside of a transaction only cause a warning.
  }
  if (joined.length > 0) steps.add(joined, {});
  if (block && block.inner.length > 0) steps.skip('script.neverCommitted', block, block.inner.at(-1) ?? block.begin);
  return steps;
}

/**
 * The transaction of a script that an offset is in: the statements that begin and end it, and whether it commits.
 * @returns undefined outside of a transaction
 */
export function transactionAround(
  text: string,
  split: Pick<SplitText, 'statements'>,
  offset: number,
): { readonly begin: Statement; readonly end: Statement | undefined; readonly commits: boolean } | undefined {
  let open: Statement | undefined;
  for (const statement of split.statements) {
    const control = controlOf(text, statement);
    if (control === undefined || control === 'other') continue;
    if (statement.start >= offset) {
      if (!open) return undefined;
      if (control === 'begin') continue;
      return { begin: open, end: statement, commits: control.startsWith('commit') };
    }
    if (control === 'begin') open ??= statement;
    else open = control.endsWith('Chain') ? statement : undefined;
  }
  return open && { begin: open, end: undefined, commits: false };
}

class StepBuilder implements ScriptSteps {
  readonly steps: ScriptStep[] = [];
  readonly skipped: SkippedTransaction[] = [];
  copies = 0;
  /** The script without psql commands, of the same length. */
  readonly #stripped: string;
  readonly #data: ReadonlyMap<Statement, SplitProblem | undefined>;

  readonly #text: string;

  constructor(text: string, split: SplitText) {
    this.#text = text;

    this.#stripped = stripPsqlCommands(text, split).text;
    this.#data = dataOf(text, split);
  }

  add(statements: readonly Statement[], modes: ScriptStep['modes']): void {
    const [first] = statements;
    const last = statements.at(-1);
    if (!first || !last) return;
    const { leadStart: start } = first;
    const { end } = last;
    const inserts = statements.flatMap((statement) => {
      if (!this.#data.has(statement)) return [];
      const data = this.#data.get(statement);
      const sql = copyAsInserts(this.#text, statement, data);
      return sql === undefined ? [] : [{ statement, data, sql }];
    });
    if (statements.length === 1 && inserts.length === 0) {
      this.steps.push({ start, end, modes });
      return;
    }
    this.copies += inserts.length;
    const builder = new TextBuilder(this.#stripped.slice(start, end));
    for (const { statement, data, sql } of inserts) {
      builder.replace(statement.start - start, statement.end - start, sql);
      if (data && data.end <= end) builder.replace(data.start - start, data.end - start, '');
    }
    const sent = builder.done();
    // COPY commands without rows leave nothing to run.
    if (inserts.length === statements.length && inserts.every(({ sql }) => sql === '')) return;
    this.steps.push({ start, end, sent, modes });
  }

  skip(code: SkippedTransaction['code'], { begin, inner }: Block, last: Statement): void {
    if (inner.length > 0) this.skipped.push({ code, span: { start: begin.start, end: last.end } });
  }
}

/** The data of each COPY … FROM STDIN. As in psql, the first data belongs to the first COPY. */
function dataOf(text: string, { statements, problems }: SplitText): Map<Statement, SplitProblem | undefined> {
  const copies = new Map<Statement, SplitProblem | undefined>();
  const data = problems.filter(({ kind }) => kind === 'copyData');
  if (data.length === 0) return copies;
  const waiting: Statement[] = [];
  let index = 0;
  for (const statement of statements) {
    while (waiting.length > 0 && (data[index]?.start ?? Infinity) < statement.start) {
      const copy = waiting.shift();
      if (copy) copies.set(copy, data[index]);
      index++;
    }
    if (statement.keyword === 'COPY' && /from/i.test(text.slice(statement.start, statement.end))) {
      if (classify(text, statement).kind === 'copy-client') waiting.push(statement);
    }
  }
  for (const copy of waiting) copies.set(copy, data[index++]);
  return copies;
}

function refusesBlock(text: string, statement: Statement): boolean {
  return classify(text, statement).refusesTransactionBlock !== undefined;
}

const CONTROL = new Set(['BEGIN', 'START', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT', 'RELEASE', 'PREPARE']);

function controlOf(text: string, statement: Statement): Control | undefined {
  if (!CONTROL.has(statement.keyword) || classify(text, statement).kind !== 'transaction') return undefined;
  const cursor = new Cursor(text, statement.start, statement.end);
  if (cursor.accept('BEGIN', 'START')) return 'begin';
  const commits = cursor.is('COMMIT', 'END');
  if (!cursor.accept('COMMIT', 'END', 'ROLLBACK', 'ABORT')) return 'other';
  cursor.accept('WORK', 'TRANSACTION');
  // Savepoints and two-phase commits do not work in a worker.
  if (cursor.is('TO', 'PREPARED')) return 'other';
  const chains = cursor.accept('AND') && cursor.is('CHAIN');
  if (commits) return chains ? 'commitChain' : 'commit';
  return chains ? 'rollbackChain' : 'rollback';
}

/** The transaction modes of a BEGIN as parameters, with which a worker begins the same kind of transaction. */
export function beginModes(text: string, { start, end }: Statement): Record<string, string> {
  const cursor = new Cursor(text, start, end);
  cursor.next();
  cursor.accept('WORK', 'TRANSACTION');
  if (cursor.atEnd) return {};
  const set = `SET SESSION CHARACTERISTICS AS TRANSACTION ${text.slice(cursor.start, end)}`;
  const modes = setParameters(set, { start: 0, end: set.length }) ?? [];
  return Object.fromEntries(modes.map(({ name, value }) => [name, value ?? '']));
}
