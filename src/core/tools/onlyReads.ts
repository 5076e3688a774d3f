/**
 * Decides whether SQL is known to only read. It runs in a read-only transaction then, which the server enforces. The server does not
 * enforce everything, and SQL can leave a read-only transaction before its first query, so a text that does more than query counts as a
 * write. Functions of the database can still do what a read-only transaction allows, such as sending a request to another server:
 * docs/AGENTS.md lists what this does not prevent.
 */
import { classify } from '../sql/classify/classify';
import { Cursor } from '../sql/lexer/cursor';
import { Token } from '../sql/lexer/lexer';
import { nameValue, stringValue } from '../sql/lexer/literalValues';
import { setParameters } from '../sql/settings/setStatement';
import { splitStatements } from '../sql/split/statements';
import type { Statement } from '../sql/split/splitTypes';
import type { ToolFault } from './faults';

/** Functions with effects that a read-only transaction does not prevent, or that run SQL which is only known when they run. */
const EFFECTS = new RegExp(
  '^(' +
    [
      // Starts other workers, whose transactions are their own.
      'pg_background_.*',
      // Other sessions and servers.
      'dblink.*|postgres_fdw_disconnect.*|pg_notify',
      'pg_(terminate|cancel)_backend|pg_(try_)?advisory_.*',
      'set_config',
      // Files and large objects.
      'lo_.*|pg_file_.*',
      // The server.
      'pg_reload_conf|pg_rotate_logfile.*|pg_promote|pg_switch_(wal|xlog)|pg_create_restore_point|pg_log_.*',
      'pg_(backup_)?(start|stop)(_backup)?|pg_(wal|xlog)_replay_.*|pg_logical_.*|pg_replication_.*|pg_sync_replication_slots',
      'pg_(create|drop|copy)_.*slot.*|pg_stat_.*reset.*|pg_prewarm|autoprewarm_.*|pg_buffercache_(evict|mark).*',
      // Sequences: refused in a read-only transaction.
      'nextval|setval',
      // They run SQL that is a value.
      'query_to_xml.*|ts_stat|ts_rewrite|crosstab.*|connectby',
    ].join('|') +
    ')$',
);

/** The same inside of a string, which may be SQL for a function. */
const EFFECT_IN_TEXT = /([a-z_][\w$]*)"?\s*\(/gi;

/** Parameters that decide how a query is read or shown. */
const HARMLESS = new Set([
  'search_path',
  'timezone',
  'datestyle',
  'intervalstyle',
  'extra_float_digits',
  'lock_timeout',
]);

/** Finds why a text may do more than read. Never throws. @returns undefined if it only reads */
export function whyItMayWrite(text: string): ToolFault | undefined {
  const { statements, problems } = splitStatements(text);
  if (problems.length > 0) return { code: 'tools.writeUnclear' };
  for (const statement of statements) {
    const why = statementWrites(text, statement) ?? partWrites(text, statement);
    if (why) return why;
  }
  return undefined;
}

function statementWrites(text: string, statement: Statement): ToolFault | undefined {
  const { kind, selectLike } = classify(text, statement);
  if (selectLike || kind === 'show' || kind === 'empty') return undefined;
  if (kind === 'explain' && explainsRead(text, statement)) return undefined;
  const set = statement.keyword === 'SET' ? setParameters(text, statement) : undefined;
  if (set?.every(({ name }) => HARMLESS.has(name)) === true) return undefined;
  return { code: 'tools.writeStatement', params: { command: statement.keyword } };
}

/** Whether an EXPLAIN runs nothing but a query. Without ANALYZE, it runs nothing. */
function explainsRead(text: string, { start, end }: Statement): boolean {
  const cursor = new Cursor(text, start, end);
  cursor.next();
  const options = cursor.start;
  if (!cursor.skipParentheses()) while (cursor.accept('ANALYZE', 'ANALYSE', 'VERBOSE')) continue;
  const explained = { start: cursor.start, end };
  const { selectLike, kind } = classify(text, explained);
  if (selectLike) return true;
  // ANALYZE may be off: that is not read.
  const runs = /analy[sz]e/i.test(text.slice(options, explained.start));
  return !runs && ['dml', 'returning', 'with-dml', 'with-select'].includes(kind);
}

/** Finds a part of a query that does more than read. */
function partWrites(text: string, { start, end }: Statement): ToolFault | undefined {
  const cursor = new Cursor(text, start, end);
  let name: string | undefined;
  while (!cursor.atEnd) {
    const written = cursor.slice();
    const { kind } = cursor;
    if (kind === Token.Open && name !== undefined && EFFECTS.test(name)) {
      return { code: 'tools.writeFunction', params: { name } };
    }
    const locks = kind === Token.Word && /^for$/i.test(written);
    const isName = kind === Token.Word || kind === Token.QuotedName;
    name = isName ? nameValue(written) : undefined;
    // UESCAPE after it may change what it means.
    if ((isName && name === undefined) || /^u&/i.test(written)) return { code: 'tools.writeUnclear' };
    if (kind === Token.String || kind === Token.DollarString) {
      const why = stringWrites(written);
      if (why) return why;
    }
    cursor.next();
    if (locks && /^(update|share|no|key)$/i.test(cursor.slice())) return { code: 'tools.writeLock' };
  }
  return undefined;
}

function stringWrites(written: string): ToolFault | undefined {
  // With standard_conforming_strings off, the string would end somewhere else.
  if (!/^e'/i.test(written) && !written.startsWith('$') && written.includes("\\'"))
    return { code: 'tools.writeUnclear' };
  const value = stringValue(written) ?? (/^[bxn]'/i.test(written) ? written : undefined);
  if (value === undefined) return { code: 'tools.writeUnclear' };
  for (const [, called = ''] of value.matchAll(EFFECT_IN_TEXT)) {
    if (EFFECTS.test(called.toLowerCase())) return { code: 'tools.writeFunction', params: { name: called } };
  }
  return undefined;
}
