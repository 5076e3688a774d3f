/**
 * What kind of statement it is, as far as running it in a worker depends on it. Read from its tokens alone, after
 * PostgreSQL 18's `gram.y`; a statement with a syntax error gets the kind that it most resembles.
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
  /** `unknown` where only the server can tell: EXECUTE, CALL, statements of a newer server. */
  readonly returnsRows: boolean | 'unknown';
  /** Whether it can stand in `FROM (…) AS q`: a query without INTO and without writes in its WITH. */
  readonly selectLike: boolean;
  /** The command that refuses to run in a transaction block, as the server names it. */
  readonly refusesTransactionBlock: string | undefined;
  /** It changes every row of a table: no WHERE at its top, or at the top of a part of its WITH. */
  readonly unboundedWrite: 'UPDATE' | 'DELETE' | undefined;
  /** Of a query or a write: the word that comes after its WITH, such as INSERT. */
  readonly main?: string;
}

const TRANSACTION = new Set(['BEGIN', 'COMMIT', 'END', 'ROLLBACK', 'ABORT', 'SAVEPOINT', 'RELEASE']);

/** Statements that never return rows. What is not known here may be of a newer server, so nothing is said of it. */
const UTILITIES = new Set(
  (
    'ALTER ANALYSE ANALYZE CHECKPOINT CLOSE CLUSTER COMMENT CREATE DEALLOCATE DECLARE DISCARD DO DROP GRANT IMPORT LISTEN ' +
    'LOAD LOCK MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX RESET REVOKE SECURITY SET START TRUNCATE UNLISTEN VACUUM COPY'
  ).split(' '),
);

/** Says what kind of statement `text.slice(statement.start, statement.end)` is. Takes time linear in its length. */
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

/** What is read off a query or a write, from its WITH or first word to its end. */
interface QueryFacts {
  readonly main: string;
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
    return { ...result(kind, facts.hasReturning, false, unboundedWrite), main: facts.main };
  }
  // SELECT INTO is CREATE TABLE AS in other words.
  if (facts.hasInto) return result('utility', false, false, unboundedWrite);
  const selectLike = !facts.writesInWith && !cursor.unbalanced && cursor.depth === 0;
  const kind = withClause
    ? 'with-select'
    : facts.main === 'VALUES'
      ? 'values'
      : facts.main === 'TABLE'
        ? 'table'
        : 'select';
  return { ...result(kind, true, selectLike, unboundedWrite), main: facts.main };
}

/** WITHs nested deeper than this are not read: each takes some of the stack. */
const DEEPEST_WITH = 200;

/** Reads a query up to its end or to the parenthesis that closes around it. @param level how many WITHs it is nested in */
function readQuery(cursor: Cursor, level = 0): QueryFacts {
  let writesInWith = false;
  let unboundedWrite: 'UPDATE' | 'DELETE' | undefined;
  if (cursor.is('WITH')) {
    for (const part of readWith(cursor, level)) {
      writesInWith ||= isWrite(part.main) || part.writesInWith;
      unboundedWrite ??= part.unboundedWrite;
    }
  }
  const { depth } = cursor;
  while (cursor.acceptChar('(')) continue;
  const inner = cursor.depth;
  const main = cursor.keyword ?? '';
  const query = !isWrite(main);
  let hasInto = false;
  let hasReturning = false;
  let hasWhere = false;
  cursor.next();
  while (!cursor.atEnd && cursor.depth >= depth) {
    // The INTO of a query may stand in the parentheses that the query begins with; nothing else counts in parentheses.
    if (query) hasInto ||= cursor.depth <= inner && cursor.is('INTO');
    else if (cursor.depth === depth) {
      hasReturning ||= cursor.is('RETURNING');
      hasWhere ||= cursor.is('WHERE');
    }
    cursor.next();
  }
  if ((main === 'UPDATE' || main === 'DELETE') && !hasWhere) unboundedWrite ??= main;
  return { main, writesInWith, unboundedWrite, hasInto, hasReturning };
}

/** Reads a WITH clause and what each of its parts does; afterwards the cursor stands on the main statement. */
function readWith(cursor: Cursor, level: number): QueryFacts[] {
  const parts: QueryFacts[] = [];
  cursor.next();
  cursor.accept('RECURSIVE');
  do {
    cursor.next();
    cursor.skipParentheses();
    cursor.accept('AS');
    // Behind AS even a keyword counts as a name to the cursor, so these two are stepped over by their kind.
    while (cursor.kind === Token.Word) cursor.next();
    const { depth } = cursor;
    if (!cursor.acceptChar('(')) return parts;
    // What is nested too deep may write: it counts as if it did.
    parts.push(level < DEEPEST_WITH ? readQuery(cursor, level + 1) : UNREAD);
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
  writesInWith: true,
  unboundedWrite: undefined,
  hasInto: false,
  hasReturning: false,
};

function isWrite(word: string): boolean {
  return word === 'INSERT' || word === 'UPDATE' || word === 'DELETE' || word === 'MERGE';
}

/** EXPLAIN ANALYZE runs what it explains. */
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

/** COPY … FROM STDIN or TO STDOUT; the grammar takes either name in either direction. */
function isClientCopy(cursor: Cursor): boolean {
  cursor.next();
  while (cursor.find('FROM', 'TO')) {
    cursor.next();
    if (cursor.is('STDIN', 'STDOUT')) return true;
  }
  return false;
}
