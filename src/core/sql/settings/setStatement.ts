/** Reads the parameters and values of SET, RESET, and `SELECT set_config(…)` (`VariableSetStmt` in gram.y, guc_funcs.c). */
import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import { nameValue, numberValue, stringValue } from '../lexer/literalValues';
import type { Statement } from '../split/splitTypes';

/** A parameter that a statement sets. */
export interface SetParameter {
  /** In lower case, because names of parameters are case-insensitive. */
  readonly name: string;
  /** The value for `set_config`; undefined for the session's default. */
  readonly value: string | undefined;
}

/** Parameters whose values are lists of names (GUC_LIST_QUOTE). */
const LISTS_OF_NAMES = new Set([
  'local_preload_libraries',
  'search_path',
  'session_preload_libraries',
  'shared_preload_libraries',
  'temp_tablespaces',
  'unix_socket_directories',
]);

/**
 * The parameters that a statement sets.
 * @returns undefined if it does anything else or cannot be read with certainty
 */
export function setParameters(
  text: string,
  { start, end }: Pick<Statement, 'start' | 'end'>,
): SetParameter[] | undefined {
  const cursor = new Cursor(text, start, end);
  if (cursor.accept('SET')) return readSet(cursor);
  if (cursor.accept('RESET')) return readReset(cursor);
  if (cursor.accept('SELECT')) return readSetConfig(cursor);
  return undefined;
}

function readSet(cursor: Cursor): SetParameter[] | undefined {
  const ahead = cursor.copy();
  if (ahead.accept('LOCAL', 'SESSION') && !isAssignment(ahead)) {
    // Keywords only if no assignment follows, because a parameter may have any name.
    if (cursor.accept('SESSION') && ahead.accept('CHARACTERISTICS')) return readCharacteristics(ahead);
    cursor.accept('LOCAL');
  }
  return readSpecial(cursor) ?? readGeneric(cursor);
}

function isAssignment(cursor: Cursor): boolean {
  const char = cursor.slice();
  return char === '=' || char === '.' || cursor.is('TO');
}

/** Reads forms with a special syntax. @returns undefined if it is not one of them */
function readSpecial(cursor: Cursor): SetParameter[] | undefined {
  const ahead = cursor.copy();
  const word = ahead.keyword;
  ahead.next();
  if (word === undefined || isAssignment(ahead)) return undefined;
  const single = (name: string, value: string | undefined): SetParameter[] | undefined =>
    value === undefined || !ahead.atEnd ? undefined : [{ name, value }];
  switch (word) {
    case 'TIME':
      return ahead.accept('ZONE') ? readTimeZone(ahead) : undefined;
    case 'SCHEMA': {
      const schema = readString(ahead);
      return single('search_path', schema === undefined ? undefined : quoted(schema));
    }
    case 'NAMES': {
      ahead.accept('DEFAULT');
      if (ahead.atEnd) return [{ name: 'client_encoding', value: undefined }];
      return single('client_encoding', readString(ahead));
    }
    case 'ROLE':
      return single('role', readWord(ahead));
    case 'XML': {
      if (!ahead.accept('OPTION')) return undefined;
      const option = ahead.keyword;
      ahead.next();
      return single('xmloption', option === 'DOCUMENT' || option === 'CONTENT' ? option.toLowerCase() : undefined);
    }
    default:
      return undefined;
  }
}

function readGeneric(cursor: Cursor): SetParameter[] | undefined {
  const name = readName(cursor);
  if (name === undefined) return undefined;
  if (!cursor.accept('TO') && !cursor.acceptChar('=')) return undefined;
  if (cursor.accept('DEFAULT')) return cursor.atEnd ? [{ name, value: undefined }] : undefined;
  const values: string[] = [];
  do {
    const value = readValue(cursor, LISTS_OF_NAMES.has(name));
    if (value === undefined) return undefined;
    values.push(value);
  } while (cursor.acceptChar(','));
  return cursor.atEnd ? [{ name, value: values.join(', ') }] : undefined;
}

function readName(cursor: Cursor): string | undefined {
  const parts: string[] = [];
  do {
    if (cursor.kind !== Token.Word && cursor.kind !== Token.QuotedName) return undefined;
    const part = nameValue(cursor.slice());
    if (part === undefined) return undefined;
    parts.push(part);
    cursor.next();
  } while (cursor.acceptChar('.'));
  return parts.join('.').toLowerCase();
}

function readValue(cursor: Cursor, list: boolean): string | undefined {
  const negative = cursor.acceptChar('-');
  if (negative || cursor.acceptChar('+') || cursor.kind === Token.Number) {
    if (cursor.kind !== Token.Number) return undefined;
    const value = numberValue(cursor.slice(), negative);
    cursor.next();
    return value;
  }
  const value = readWord(cursor);
  return value !== undefined && list ? quoted(value) : value;
}

/** Reads a word, a quoted name, or a string. */
function readWord(cursor: Cursor): string | undefined {
  if (cursor.kind !== Token.Word && cursor.kind !== Token.QuotedName) return readString(cursor);
  const value = nameValue(cursor.slice());
  cursor.next();
  return value;
}

/** Reads a string with its continuations on later lines. */
function readString(cursor: Cursor): string | undefined {
  if (cursor.kind !== Token.String && cursor.kind !== Token.DollarString) return undefined;
  const value = stringValue(cursor.slice());
  const plain = cursor.slice().startsWith("'");
  cursor.next();
  if (!plain || value === undefined || cursor.kind !== Token.String) return cursor.is('UESCAPE') ? undefined : value;
  // Two consecutive strings are joined only across a line end; otherwise they are a syntax error.
  return undefined;
}

function readTimeZone(cursor: Cursor): SetParameter[] | undefined {
  const name = 'timezone';
  if (cursor.accept('DEFAULT', 'LOCAL')) return cursor.atEnd ? [{ name, value: undefined }] : undefined;
  let value: string | undefined;
  if (cursor.accept('INTERVAL')) {
    const interval = readString(cursor);
    value = interval === undefined || interval.includes("'") ? undefined : `INTERVAL '${interval}'`;
  } else value = readValue(cursor, false);
  return value === undefined || !cursor.atEnd ? undefined : [{ name, value }];
}

/** SET SESSION CHARACTERISTICS AS TRANSACTION …: the defaults of later transactions. */
function readCharacteristics(cursor: Cursor): SetParameter[] | undefined {
  // After AS, the cursor treats keywords as names.
  cursor.next();
  if (cursor.slice().toUpperCase() !== 'TRANSACTION') return undefined;
  cursor.next();
  const set: SetParameter[] = [];
  do {
    if (cursor.accept('ISOLATION')) {
      if (!cursor.accept('LEVEL')) return undefined;
      const first = cursor.keyword;
      cursor.next();
      let level = first?.toLowerCase() ?? '';
      if (first === 'READ' || first === 'REPEATABLE') {
        level += ` ${cursor.slice().toLowerCase()}`;
        cursor.next();
      }
      set.push({ name: 'default_transaction_isolation', value: level });
    } else if (cursor.accept('READ')) {
      if (!cursor.is('ONLY', 'WRITE')) return undefined;
      set.push({ name: 'default_transaction_read_only', value: cursor.is('ONLY') ? 'on' : 'off' });
      cursor.next();
    } else {
      const value = cursor.accept('NOT') ? 'off' : 'on';
      if (!cursor.accept('DEFERRABLE')) return undefined;
      set.push({ name: 'default_transaction_deferrable', value });
    }
    cursor.acceptChar(',');
  } while (!cursor.atEnd);
  return set;
}

function readReset(cursor: Cursor): SetParameter[] | undefined {
  const ahead = cursor.copy();
  if (ahead.accept('TIME') && ahead.accept('ZONE') && ahead.atEnd) return [{ name: 'timezone', value: undefined }];
  const name = readName(cursor);
  // RESET ALL is excluded: it is not one parameter, and its effect depends on all earlier settings.
  return name === undefined || name === 'all' || !cursor.atEnd ? undefined : [{ name, value: undefined }];
}

/** Reads `SELECT set_config('name', 'value', …)` with one or more calls and nothing else. */
function readSetConfig(cursor: Cursor): SetParameter[] | undefined {
  const set: SetParameter[] = [];
  do {
    if (cursor.accept('PG_CATALOG') && !cursor.acceptChar('.')) return undefined;
    if (cursor.slice().toLowerCase() !== 'set_config') return undefined;
    cursor.next();
    if (!cursor.acceptChar('(')) return undefined;
    const name = readString(cursor)?.toLowerCase();
    if (name === undefined || !cursor.acceptChar(',')) return undefined;
    const value = cursor.accept('NULL') ? undefined : readString(cursor);
    if (!cursor.acceptChar(',') || !cursor.accept('TRUE', 'FALSE')) return undefined;
    if (!cursor.acceptChar(')')) return undefined;
    set.push({ name, value });
    if (cursor.accept('AS')) cursor.next();
  } while (cursor.acceptChar(','));
  return cursor.atEnd ? set : undefined;
}

/** Quotes a name like the server does in a list. */
function quoted(name: string): string {
  return /^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
