/**
 * A script as psql would run it, in steps that can each be a job: a statement is one, and so is a transaction from BEGIN to COMMIT.
 */
import { classify } from '../classify/classify';
import { copyAsInserts } from './copyData';
import { Cursor } from '../split/statementAtCursor';
import { setParameters } from '../settings/setStatement';
import { withoutPsqlCommands } from './stripPsqlCommands';
import type { SplitProblem, SplitText, Statement } from '../split/statements';
import { TextBuilder, type Substitution } from '../textBuilder';

/** What becomes one job. */
export interface ScriptStep {
  /** Its place in the script, with the comments that belong to its first statement. */
  readonly start: number;
  readonly end: number;
  /** What is sent, if it is not the script's own text at this place. */
  readonly sent?: Substitution;
  /** Parameters for its worker: the modes that its BEGIN names. */
  readonly modes: Readonly<Record<string, string>>;
}

/** A transaction that psql would not commit, so that its statements are not run. */
export interface LeftOut {
  readonly code: 'rolledBack' | 'neverCommitted';
  readonly start: number;
  readonly end: number;
}

export interface ScriptSteps {
  readonly steps: readonly ScriptStep[];
  readonly leftOut: readonly LeftOut[];
  /** How many COPY … FROM STDIN became INSERTs. */
  readonly copies: number;
}

/** What a statement does to the transaction around it; undefined if nothing. */
type Control = 'begin' | 'commit' | 'commitChain' | 'rollback' | 'rollbackChain' | 'other';

interface Block {
  readonly begin: Statement;
  readonly modes: Readonly<Record<string, string>>;
  readonly inner: Statement[];
  /** Its first statement began it: `\set AUTOCOMMIT off`. */
  readonly implicit: boolean;
}

/**
 * Finds the steps of a script.
 *
 * @param statements Those that are to run, of `split`.
 * @param autocommitOff Whether psql begins a transaction on its own at this offset. Offsets do not decrease.
 */
export function scriptSteps(
  text: string,
  split: SplitText,
  statements: readonly Statement[] = split.statements,
  autocommitOff: (offset: number) => boolean = () => false,
): ScriptSteps {
  const maker = new StepMaker(text, split);
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
      if (control === 'commit' || control === 'commitChain') maker.add(block.inner, block.modes);
      else if (control === 'rollback' || control === 'rollbackChain') maker.leaveOut('rolledBack', block, statement);
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
      // psql sends what \; joins as one, and so as one transaction.
      if (text.startsWith('\\;', statement.next - 2)) continue;
      maker.add(joined, {});
      joined = [];
    }
    // COMMIT and ROLLBACK outside of a transaction only make psql warn.
  }
  if (joined.length > 0) maker.add(joined, {});
  if (block && block.inner.length > 0) maker.leaveOut('neverCommitted', block, block.inner.at(-1) ?? block.begin);
  return maker;
}

/** Where a statement stands in the transactions of its script: what began the one it is in, and what ends that. */
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

class StepMaker implements ScriptSteps {
  readonly steps: ScriptStep[] = [];
  readonly leftOut: LeftOut[] = [];
  copies = 0;
  /** Of the same length. */
  readonly #plain: string;
  readonly #data: ReadonlyMap<Statement, SplitProblem | undefined>;

  readonly #text: string;

  constructor(text: string, split: SplitText) {
    this.#text = text;

    this.#plain = withoutPsqlCommands(text, split).text;
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
    const builder = new TextBuilder(this.#plain.slice(start, end));
    for (const { statement, data, sql } of inserts) {
      builder.replace(statement.start - start, statement.end - start, sql);
      if (data && data.end <= end) builder.replace(data.start - start, data.end - start, '');
    }
    const sent = builder.done();
    // Tables without rows leave nothing to run.
    if (inserts.length === statements.length && inserts.every(({ sql }) => sql === '')) return;
    this.steps.push({ start, end, sent, modes });
  }

  leaveOut(code: LeftOut['code'], block: Block, last: Statement): void {
    if (block.inner.length > 0) this.leftOut.push({ code, start: block.begin.start, end: last.end });
  }
}

/** The data of each COPY … FROM STDIN: as psql reads it, first come, first served. */
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
  // Savepoints and two-phase commits: no worker can do them.
  if (cursor.is('TO', 'PREPARED')) return 'other';
  const chains = cursor.accept('AND') && cursor.is('CHAIN');
  if (commits) return chains ? 'commitChain' : 'commit';
  return chains ? 'rollbackChain' : 'rollback';
}

/** The modes of a BEGIN, as the parameters with which a worker's transaction begins like that. */
export function beginModes(text: string, { start, end }: Statement): Record<string, string> {
  const cursor = new Cursor(text, start, end);
  cursor.next();
  cursor.accept('WORK', 'TRANSACTION');
  if (cursor.atEnd) return {};
  const set = `SET SESSION CHARACTERISTICS AS TRANSACTION ${text.slice(cursor.start, end)}`;
  const modes = setParameters(set, { start: 0, end: set.length }) ?? [];
  return Object.fromEntries(modes.map(({ name, value }) => [name, value ?? '']));
}
