import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import { nameValue } from '../lexer/literalValues';
import { launchText } from '../settings/launchSettings';
import { splitStatements } from '../split/statements';

/** What CREATE INDEX CONCURRENTLY or REINDEX CONCURRENTLY works on, with names as the server stores them. */
export interface ConcurrentIndex {
  readonly reindex: boolean;
  readonly index?: string;
  readonly table?: string;
  readonly schema?: string;
}

/** @returns undefined if the text is not such a statement */
export function concurrentIndex(sql: string): ConcurrentIndex | undefined {
  const { sql: sent } = launchText(sql);
  const [statement, ...others] = splitStatements(sent).statements;
  if (!statement || others.length > 0) return undefined;
  const cursor = new Cursor(sent, statement.start, statement.end);
  return cursor.accept('REINDEX') ? reindex(cursor) : create(cursor);
}

function create(cursor: Cursor): ConcurrentIndex | undefined {
  if (!cursor.accept('CREATE')) return undefined;
  cursor.accept('UNIQUE');
  if (!cursor.accept('INDEX') || !cursor.accept('CONCURRENTLY')) return undefined;
  if (cursor.accept('IF')) {
    cursor.accept('NOT');
    cursor.accept('EXISTS');
  }
  const index = cursor.is('ON') ? undefined : name(cursor);
  if (!cursor.accept('ON')) return undefined;
  cursor.accept('ONLY');
  const { schema, name: table } = qualified(cursor);
  return table === undefined ? undefined : { reindex: false, table, ...only({ index, schema }) };
}

function reindex(cursor: Cursor): ConcurrentIndex | undefined {
  const options = cursor.copy();
  let concurrently = false;
  if (cursor.skipParentheses()) {
    while (!options.atEnd && options.start < cursor.start) {
      concurrently ||= options.is('CONCURRENTLY');
      options.next();
    }
  }
  const what = cursor.keyword;
  cursor.next();
  if (!cursor.accept('CONCURRENTLY') && !concurrently) return undefined;
  const { schema, name: given } = qualified(cursor);
  if (what === 'INDEX') return { reindex: true, ...only({ index: given, schema }) };
  if (what === 'TABLE') return { reindex: true, ...only({ table: given, schema }) };
  return { reindex: true, ...only({ schema: what === 'SCHEMA' ? given : undefined }) };
}

function qualified(cursor: Cursor): { readonly schema?: string; readonly name?: string } {
  const first = name(cursor);
  if (first === undefined || !cursor.acceptChar('.')) return only({ name: first });
  return only({ schema: first, name: name(cursor) });
}

function name(cursor: Cursor): string | undefined {
  if (cursor.kind !== Token.Word && cursor.kind !== Token.QuotedName) return undefined;
  const value = nameValue(cursor.slice());
  cursor.next();
  return value;
}

function only<T extends object>(values: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}
