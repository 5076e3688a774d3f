/**
 * Classifies statements, as far as running them in a worker depends on it. Reads only the tokens, based on `gram.y` of PostgreSQL 18. A
 * statement with a syntax error gets the kind that it most resembles.
 */
import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import type { Statement } from '../split/splitTypes';
import { transactionBlockRefusal } from './transactionBlock';

export type StatementKind =
  | 'select'
  | 'values'
  | 'table'
  /** WITH … SELECT, VALUES or TABLE. */
  | 'with-select'
  /** INSERT, UPDATE, DELETE or MERGE with RETURNING. */
  | 'returning'
  /** WITH … INSERT, UPDATE, DELETE or MERGE. */
  | 'with-dml'
  | 'dml'
  | 'explain'
  | 'show'
  | 'execute'
  | 'fetch'
  | 'call'
  /** BEGIN, COMMIT, SAVEPOINT, PREPARE TRANSACTION and the like. */
  | 'transaction'
  /** COPY from or to the client. */
  | 'copy-client'
  | 'utility'
  | 'empty';

export interface Classification {
  readonly kind: StatementKind;
  /** `unknown` if only the server knows: EXECUTE, CALL, statements of a newer server. */
  readonly returnsRows: boolean | 'unknown';
  /** Whether it can be used in `FROM (…) AS q`: a query without INTO and without writes in its WITH. */
  readonly selectLike: boolean;
  /** The command that refuses to run in a transaction block, as the server names it. */
  readonly refusesTransactionBlock: string | undefined;
  /** The command that changes every row of a table: it, or a part of its WITH, has no WHERE at its top level. */
  readonly unboundedWrite: 'UPDATE' | 'DELETE' | undefined;
  /** For a query or a write: its first word after WITH, such as INSERT. */
  readonly main?: string;
  /** The UTF-16 offset of {@link main}, or of the parentheses before it. */
  readonly mainAt?: number;
}

const TRANSACTION = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT', 'RELEASE']);

/** Statements that never return rows. Other statements may be those of a newer server, so nothing is assumed about them. */
const UTILITIES = new Set(
  (
    'ALTER ANALYSE ANALYZE CHECKPOINT CLOSE CLUSTER COMMENT CREATE DEALLOCATE DECLARE DISCARD DO DROP GRANT IMPORT LISTEN ' +
    'LOAD LOCK MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RESET REVOKE SECURITY SET START TRUNCATE UNLISTEN VACUUM COPY'
  ).split(' '),
);

/** Classifies the statement `text.slice(statement.start, statement.end)`. Takes time linear in its length. */
export function classify(text: string, statement: Pick<Statement, 'start' | 'end'>): Classification {
  const cursor = new Cursor(text, statement.start, statement.end);
  while (cursor.acceptChar('(')) continue;
  switch (cursor.keyword) {
    case undefined:
      return result(cursor.atEnd && cursor.depth === 0 ? 'empty' : 'utility', cursor.atEnd ? false : 'unknown');
    case 'SELECT':
    case 'VALUES':
    case 'TABLE':
    case 'WITH':
    case 'INSERT':
    case 'UPDATE':
    case 'DELETE':
    case 'MERGE':
      return classifyQuery(cursor);
    case 'EXPLAIN':
      return { ...result('explain', true), unboundedWrite: explainedWrite(cursor) };
    case 'SHOW':
      return result('show', true);
    case 'EXECUTE':
      return result('execute', 'unknown');
    case 'FETCH':
      return result('fetch', true);
    case 'CALL':
      return result('call', 'unknown');
    case 'COPY':
      return result(isClientCopy(cursor) ? 'copy-client' : 'utility', false);
    default:
      return classifyOther(cursor, text, statement);
  }
}

function result(
  kind: StatementKind,
  returnsRows: boolean | 'unknown',
  selectLike = false,
  unboundedWrite?: 'UPDATE' | 'DELETE',
  refusesTransactionBlock?: string,
): Classification {
  return { kind, returnsRows, selectLike, refusesTransactionBlock, unboundedWrite };
}

function classifyOther(cursor: Cursor, text: string, { start, end }: Pick<Statement, 'start' | 'end'>): Classification {
  const word = cursor.keyword ?? '';
  if (TRANSACTION.has(word)) return result('transaction', false);
  cursor.next();
  if (word === 'START' && cursor.is('TRANSACTION')) return result('transaction', false);
  if (word === 'PREPARE' && cursor.accept('TRANSACTION') && cursor.kind === Token.String) {
    return result('transaction', false);
  }
  const returnsRows = UTILITIES.has(word) ? false : 'unknown';
  return result('utility', returnsRows, false, undefined, transactionBlockRefusal(new Cursor(text, start, end)));
}

/** Facts about a query or a write, from its WITH or first word to its end. */
interface QueryFacts {
  readonly main: string;
  readonly mainAt: number;
  readonly writesInWith: boolean;
  readonly unboundedWrite: 'UPDATE' | 'DELETE' | undefined;
  readonly hasInto: boolean;
  readonly hasReturning: boolean;
}

function classifyQuery(cursor: Cursor): Classification {
  const withClause = cursor.is('WITH');
  const facts = readQuery(cursor);
  while (!cursor.atEnd) cursor.next();
  const { unboundedWrite } = facts;
  if (facts.main === 'INSERT' || facts.main === 'UPDATE' || facts.main === 'DELETE' || facts.main === 'MERGE') {
    const kind = withClause ? 'with-dml' : facts.hasReturning ? 'returning' : 'dml';
    return { ...result(kind, facts.hasReturning, false, unboundedWrite), main: facts.main, mainAt: facts.mainAt };
  }
  // SELECT INTO is another form of CREATE TABLE AS.
  if (facts.hasInto) return result('utility', false, false, unboundedWrite);
  const selectLike = !facts.writesInWith && !cursor.unbalanced && cursor.depth === 0;
  const kind = withClause
    ? 'with-select'
    : facts.main === 'VALUES'
      ? 'values'
      : facts.main === 'TABLE'
        ? 'table'
        : 'select';
  return { ...result(kind, true, selectLike, unboundedWrite), main: facts.main, mainAt: facts.mainAt };
}

/** A WITH nested deeper is not read, because each takes some of the stack. */
const MAX_WITH_DEPTH = 200;

/** Reads a query up to its end or to the parenthesis that closes it. @param level the number of enclosing WITHs */
function readQuery(cursor: Cursor, level = 0): QueryFacts {
  let writesInWith = false;
  let unboundedWrite: 'UPDATE' | 'DELETE' | undefined;
  if (cursor.is('WITH')) {
    for (const part of readWith(cursor, level)) {
      writesInWith ||= isWrite(part.main) || part.writesInWith;
      unboundedWrite ??= part.unboundedWrite;
    }
  }
  const { depth, start: mainAt } = cursor;
  while (cursor.acceptChar('(')) continue;
  const inner = cursor.depth;
  const main = cursor.keyword ?? '';
  const query = !isWrite(main);
  let hasInto = false;
  let hasReturning = false;
  let hasWhere = false;
  cursor.next();
  while (!cursor.atEnd && cursor.depth >= depth) {
    // The INTO of a query may be in the parentheses that the query begins with; other words in parentheses are ignored.
    if (query) hasInto ||= cursor.depth <= inner && cursor.is('INTO');
    else if (cursor.depth === depth) {
      hasReturning ||= cursor.is('RETURNING');
      hasWhere ||= cursor.is('WHERE');
    }
    cursor.next();
  }
  if ((main === 'UPDATE' || main === 'DELETE') && !hasWhere) unboundedWrite ??= main;
  return { main, mainAt, writesInWith, unboundedWrite, hasInto, hasReturning };
}

/** Reads the parts of a WITH clause. Leaves the cursor on the main statement. */
function readWith(cursor: Cursor, level: number): QueryFacts[] {
  const parts: QueryFacts[] = [];
  cursor.next();
  cursor.accept('RECURSIVE');
  do {
    cursor.next();
    cursor.skipParentheses();
    cursor.accept('AS');
    // After AS, the cursor treats keywords as names, so NOT MATERIALIZED is skipped by the kind of its tokens.
    while (cursor.kind === Token.Word) cursor.next();
    const { depth } = cursor;
    if (!cursor.acceptChar('(')) return parts;
    // A part that is nested too deep may write, so it counts as a write.
    parts.push(level < MAX_WITH_DEPTH ? readQuery(cursor, level + 1) : UNREAD);
    while (!cursor.atEnd && cursor.depth > depth) cursor.next();
    cursor.acceptChar(')');
    if (cursor.accept('SEARCH')) {
      cursor.find('SET');
      cursor.next();
      cursor.next();
    }
    if (cursor.accept('CYCLE')) {
      cursor.find('USING');
      cursor.next();
      cursor.next();
    }
  } while (cursor.acceptChar(','));
  return parts;
}

const UNREAD: QueryFacts = {
  main: '',
  mainAt: 0,
  writesInWith: true,
  unboundedWrite: undefined,
  hasInto: false,
  hasReturning: false,
};

function isWrite(word: string): boolean {
  return word === 'INSERT' || word === 'UPDATE' || word === 'DELETE' || word === 'MERGE';
}

/** The unbounded write of an EXPLAIN ANALYZE, which runs its statement. */
function explainedWrite(cursor: Cursor): 'UPDATE' | 'DELETE' | undefined {
  cursor.next();
  let analyze = false;
  if (cursor.kind === Token.Open) {
    const { depth } = cursor;
    cursor.next();
    while (!cursor.atEnd && cursor.depth > depth) {
      if (cursor.accept('ANALYZE', 'ANALYSE')) {
        analyze = !/^('?(false|off|0)'?)$/i.test(cursor.slice());
      } else cursor.next();
    }
    cursor.next();
  } else {
    analyze = cursor.accept('ANALYZE', 'ANALYSE');
    cursor.accept('VERBOSE');
  }
  if (!analyze || !cursor.is('WITH', 'UPDATE', 'DELETE')) return undefined;
  return readQuery(cursor).unboundedWrite;
}

/** Whether it is COPY … FROM STDIN or TO STDOUT. The grammar accepts either name in either direction. */
function isClientCopy(cursor: Cursor): boolean {
  cursor.next();
  while (cursor.find('FROM', 'TO')) {
    cursor.next();
    if (cursor.is('STDIN', 'STDOUT')) return true;
  }
  return false;
}
