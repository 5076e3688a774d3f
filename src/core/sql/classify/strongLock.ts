import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import type { Statement } from '../split/splitTypes';
import { option } from './transactionBlock';

/** Objects of DROP that no query uses, so dropping them blocks none. */
const UNLOCKED = ['DATABASE', 'ROLE', 'USER', 'GROUP', 'TABLESPACE', 'SUBSCRIPTION', 'PUBLICATION', 'SERVER'];

/**
 * The command that takes a lock on a table or another relation which blocks at least all writes to it (SHARE or stronger; PostgreSQL,
 * "Explicit Locking"). While it waits for the lock, everything behind it waits, too.
 * @returns undefined if there is none, or if only the server knows
 */
export function strongLock(text: string, { start, end }: Pick<Statement, 'start' | 'end'>): string | undefined {
  const cursor = new Cursor(text, start, end);
  if (cursor.is('TRUNCATE')) return 'TRUNCATE';
  if (cursor.is('LOCK')) return 'LOCK';
  if (cursor.is('CLUSTER')) return 'CLUSTER';
  if (cursor.accept('ALTER')) return alter(cursor);
  if (cursor.accept('DROP')) return drop(cursor);
  if (cursor.accept('CREATE')) {
    cursor.accept('UNIQUE');
    return cursor.accept('INDEX') && !cursor.is('CONCURRENTLY') ? 'CREATE INDEX' : undefined;
  }
  if (cursor.accept('REINDEX')) {
    const concurrently = isSet(cursor, 'CONCURRENTLY');
    cursor.skipParentheses();
    cursor.next();
    return concurrently || cursor.is('CONCURRENTLY') ? undefined : 'REINDEX';
  }
  if (cursor.accept('REFRESH')) {
    cursor.accept('MATERIALIZED');
    cursor.accept('VIEW');
    return cursor.is('CONCURRENTLY') ? undefined : 'REFRESH MATERIALIZED VIEW';
  }
  if (cursor.accept('VACUUM')) return cursor.is('FULL') || isSet(cursor, 'FULL') ? 'VACUUM FULL' : undefined;
  return undefined;
}

function alter(cursor: Cursor): string | undefined {
  if (cursor.accept('FOREIGN') || cursor.accept('MATERIALIZED')) {
    return cursor.is('TABLE', 'VIEW')
      ? `ALTER ${cursor.is('TABLE') ? 'FOREIGN TABLE' : 'MATERIALIZED VIEW'}`
      : undefined;
  }
  if (cursor.is('VIEW')) return 'ALTER VIEW';
  if (!cursor.accept('TABLE')) return undefined;
  const rest = cursor.copy();
  // Only this form lets reads and writes continue.
  return rest.find('DETACH') && rest.find('CONCURRENTLY') ? undefined : 'ALTER TABLE';
}

function drop(cursor: Cursor): string | undefined {
  if (cursor.is(...UNLOCKED)) return undefined;
  const object = cursor.keyword ?? '';
  cursor.next();
  if (object === 'INDEX') return cursor.is('CONCURRENTLY') ? undefined : 'DROP INDEX';
  if (object === 'MATERIALIZED') return 'DROP MATERIALIZED VIEW';
  return object === '' ? undefined : `DROP ${object}`;
}

/** Whether the list of options in parentheses has one that is not off. Does not move the cursor. */
function isSet(cursor: Cursor, name: string): boolean {
  return cursor.kind === Token.Open && option(cursor, name) === true;
}
