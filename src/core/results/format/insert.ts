import { quoteIdent, quoteLiteral, quoteQualified } from '../../sql/quote';
import { columnKind, type ColumnKind } from '../query/columnKinds';
import type { SpoolColumn } from '../spool/spoolFormat';
import { type FormatOptions, type Formatter, uniqueNames } from './formatter';
import { JSON_NUMBER } from './json';

/** Maximum rows and characters per INSERT: more would be neither faster nor easier to read. */
const ROWS_PER_INSERT = 500;
const LENGTH_PER_INSERT = 1024 * 1024;

/**
 * INSERT statements with many rows each. Names are quoted. Numbers and booleans are literals; everything else is quoted text, which
 * INSERT converts to the column's type, so no casts are needed.
 */
export function insert(columns: readonly SpoolColumn[], { table = ['result'] }: FormatOptions): Formatter {
  const kinds = columns.map(columnKind);
  const target = quoteQualified(...table);
  const start = `INSERT INTO ${target} (${uniqueNames(columns).map(quoteIdent).join(', ')}) VALUES\n`;
  let rows = 0;
  let length = 0;
  const next = (tuple: string): string => {
    const begins = rows === 0 || rows === ROWS_PER_INSERT || length > LENGTH_PER_INSERT;
    const before = !begins ? ',\n' : rows === 0 ? start : ';\n' + start;
    rows = begins ? 1 : rows + 1;
    length = begins ? tuple.length : length + tuple.length;
    return before + tuple;
  };
  return {
    head: '',
    row: (values) => next(`(${values.map((value, i) => sqlLiteral(value, kinds[i] ?? 'text')).join(', ')})`),
    plain: (line) => {
      if (line.includes("'")) return undefined;
      let tuple = '';
      let at = 0;
      for (let i = 0; i < kinds.length; i++) {
        const tab = line.indexOf('\t', at);
        const value = tab === -1 ? line.slice(at) : line.slice(at, tab);
        at = tab + 1;
        tuple += (i === 0 ? '(' : ', ') + (kinds[i] === 'text' ? `'${value}'` : sqlLiteral(value, kinds[i] ?? 'text'));
      }
      return next(tuple + ')');
    },
    tail: () => (rows === 0 ? '' : ';\n'),
  };
}

function sqlLiteral(value: string | null, kind: ColumnKind): string {
  if (value === null) return 'NULL';
  switch (kind) {
    case 'integer':
    case 'numeric':
    case 'float':
      // Without quotes, -0 would be an integer and lose its sign.
      return JSON_NUMBER.test(value) && value !== '-0' ? value : quoteLiteral(value);
    case 'boolean':
      return value === 't' ? 'true' : 'false';
    case 'xid':
    case 'json':
    case 'date':
    case 'timestamp':
    case 'text':
      return quoteLiteral(value);
  }
}
