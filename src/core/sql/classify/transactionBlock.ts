/** Recognizes commands that refuse a transaction block: the callers of `PreventInTransactionBlock` in PostgreSQL 14 to 18. */
import { Token } from '../lexer/lexer';
import type { Cursor } from '../lexer/cursor';

/**
 * The command that refuses to run in a transaction block, and so together with other statements, as named in the server's error.
 * @returns undefined if there is none, or if only the server knows (a partitioned table in REINDEX or CLUSTER, a procedure that commits)
 */
export function transactionBlockRefusal(cursor: Cursor): string | undefined {
  if (cursor.accept('VACUUM')) return 'VACUUM';
  if (cursor.accept('CREATE')) return create(cursor);
  if (cursor.accept('DROP')) return drop(cursor);
  if (cursor.accept('ALTER')) return alter(cursor);
  if (cursor.accept('REINDEX')) return reindex(cursor);
  if (cursor.accept('CLUSTER')) return cluster(cursor);
  if (cursor.accept('DISCARD')) return cursor.is('ALL') ? 'DISCARD ALL' : undefined;
  return undefined;
}

function create(cursor: Cursor): string | undefined {
  if (cursor.is('DATABASE')) return 'CREATE DATABASE';
  if (cursor.is('TABLESPACE')) return 'CREATE TABLESPACE';
  if (cursor.accept('SUBSCRIPTION')) {
    // Creating a slot on the publisher cannot be rolled back; without a slot, a transaction block is allowed.
    const without = option(cursor, 'CREATE_SLOT') === false || option(cursor, 'CONNECT') === false;
    return without ? undefined : 'CREATE SUBSCRIPTION ... WITH (create_slot = true)';
  }
  cursor.accept('UNIQUE');
  if (cursor.accept('INDEX') && cursor.is('CONCURRENTLY')) return 'CREATE INDEX CONCURRENTLY';
  return undefined;
}

function drop(cursor: Cursor): string | undefined {
  if (cursor.is('DATABASE')) return 'DROP DATABASE';
  if (cursor.is('TABLESPACE')) return 'DROP TABLESPACE';
  if (cursor.is('SUBSCRIPTION')) return 'DROP SUBSCRIPTION';
  return cursor.accept('INDEX') && cursor.is('CONCURRENTLY') ? 'DROP INDEX CONCURRENTLY' : undefined;
}

function alter(cursor: Cursor): string | undefined {
  if (cursor.is('SYSTEM')) return 'ALTER SYSTEM';
  if (cursor.accept('DATABASE')) {
    cursor.next();
    return cursor.accept('SET') && cursor.is('TABLESPACE') ? 'ALTER DATABASE SET TABLESPACE' : undefined;
  }
  if (cursor.accept('SUBSCRIPTION')) return alterSubscription(cursor);
  if (!cursor.accept('TABLE')) return undefined;
  while (cursor.find('DETACH')) {
    cursor.next();
    if (cursor.accept('PARTITION') && cursor.find('CONCURRENTLY')) return 'ALTER TABLE ... DETACH CONCURRENTLY';
  }
  return undefined;
}

function alterSubscription(cursor: Cursor): string | undefined {
  cursor.next();
  if (cursor.is('REFRESH')) return 'ALTER SUBSCRIPTION ... REFRESH';
  if (!cursor.is('SET', 'ADD', 'DROP')) return undefined;
  const sets = cursor.accept('SET');
  if (!sets) cursor.next();
  if (cursor.is('PUBLICATION')) {
    return option(cursor, 'REFRESH') === false ? undefined : 'ALTER SUBSCRIPTION with refresh';
  }
  if (!sets) return undefined;
  if (option(cursor, 'FAILOVER') !== undefined) return 'ALTER SUBSCRIPTION ... SET (failover)';
  return option(cursor, 'TWO_PHASE') === false ? 'ALTER SUBSCRIPTION ... SET (two_phase)' : undefined;
}

function reindex(cursor: Cursor): string | undefined {
  const listed = cursor.kind === Token.Open && option(cursor, 'CONCURRENTLY') === true;
  cursor.skipParentheses();
  const target = cursor.keyword;
  cursor.next();
  if (listed || cursor.is('CONCURRENTLY')) return 'REINDEX CONCURRENTLY';
  return target === 'DATABASE' || target === 'SYSTEM' || target === 'SCHEMA' ? `REINDEX ${target}` : undefined;
}

function cluster(cursor: Cursor): string | undefined {
  cursor.skipParentheses();
  cursor.accept('VERBOSE');
  return cursor.atEnd ? 'CLUSTER' : undefined;
}

/**
 * The value of a boolean option in the following parentheses, or undefined if it is missing. A name without a value means true. The
 * cursor is not moved, so that several options can be read.
 */
export function option(cursor: Cursor, name: string): boolean | undefined {
  const ahead = cursor.copy();
  let value: boolean | undefined;
  while (!ahead.atEnd) {
    const found = ahead.depth > 0 && ahead.is(name);
    ahead.next();
    if (!found) continue;
    ahead.acceptChar('=');
    value = !/^'?(false|off|0)'?$/i.test(ahead.slice());
  }
  return value;
}
