/** What a script does to its session that later statements would miss if each ran in a worker of its own. */
import { Cursor } from '../split/statementAtCursor';
import { Token } from '../lexer/lexer';
import { sessionChange } from '../settings/sessionEffects';
import { splitStatements, type Statement } from '../split/statements';

export type ConcernCode =
  | 'temporary'
  | 'prepared'
  | 'heldCursor'
  | 'library'
  | 'sessionLock'
  | 'sequenceState'
  | 'unclearSetting'
  | 'backslashStrings';

export interface ScriptConcern {
  readonly code: ConcernCode;
  /** Which text it is in. */
  readonly step: number;
  /** Its place in that text. */
  readonly start: number;
  readonly end: number;
  /** A name of the text: that of the table, the statement, the function. */
  readonly subject: string;
}

const LOCKS = /^pg_(try_)?advisory_lock(_shared)?$/;

/**
 * Finds it in the texts that are to run one after the other, each in its own session.
 *
 * @param texts As they are sent, in their order.
 */
export function scriptConcerns(texts: readonly string[]): ScriptConcern[] {
  const concerns: ScriptConcern[] = [];
  /** What matters only if it is used later, by the command that uses it. */
  const waiting: { readonly by: RegExp; readonly concern: ScriptConcern }[] = [];
  texts.forEach((text, step) => {
    const { statements } = splitStatements(text);
    let writes = false;
    for (const statement of statements) {
      const { keyword } = statement;
      for (let index = waiting.length - 1; index >= 0; index--) {
        const one = waiting[index];
        if (!one || one.concern.step === step || !one.by.test(keyword)) continue;
        concerns.push(one.concern);
        waiting.splice(index, 1);
      }
      const found = concernOf(text, statement, writes);
      if (keyword === 'INSERT' || keyword === 'MERGE' || keyword === 'COPY') writes = true;
      if (!found) continue;
      const { start, end } = statement;
      const concern: ScriptConcern = { code: found.code, step, start, end, subject: found.subject };
      if (found.code === 'sequenceState') {
        if (step > 0) concerns.push(concern);
      } else if (found.code === 'prepared') waiting.push({ by: /^EXECUTE$/, concern });
      else if (found.code === 'heldCursor') waiting.push({ by: /^(FETCH|MOVE)$/, concern });
      else if (found.code === 'backslashStrings' || step < texts.length - 1) concerns.push(concern);
    }
  });
  return concerns.sort((a, b) => a.step - b.step || a.start - b.start);
}

interface Found {
  readonly code: ConcernCode;
  readonly subject: string;
}

function concernOf(text: string, statement: Statement, writesBefore: boolean): Found | undefined {
  const { start, end, keyword } = statement;
  const cursor = new Cursor(text, start, end);
  switch (keyword) {
    case 'SET':
    case 'RESET':
    case 'DISCARD':
      return settingConcern(text, statement);
    case 'LOAD':
      cursor.next();
      return { code: 'library', subject: cursor.slice() };
    case 'PREPARE':
      cursor.next();
      return { code: 'prepared', subject: cursor.slice() };
    case 'DECLARE': {
      cursor.next();
      const subject = cursor.slice();
      return cursor.find('WITH', 'WITHOUT', 'FOR') && cursor.is('WITH') ? { code: 'heldCursor', subject } : undefined;
    }
    case 'CREATE':
      return temporary(cursor);
    default:
      return settingConcern(text, statement) ?? callConcern(text, statement, writesBefore);
  }
}

function settingConcern(text: string, statement: Statement): Found | undefined {
  const change = sessionChange(text, statement);
  if (change?.scope !== 'session') return undefined;
  if (change.effects === 'unclear') {
    return {
      code: 'unclearSetting',
      subject: text.slice(statement.start, Math.min(statement.end, statement.start + 60)),
    };
  }
  const backslashes = change.effects.some(
    (effect) =>
      effect.kind === 'set' &&
      effect.name === 'standard_conforming_strings' &&
      /^(f|fa|fal|fals|false|n|no|of|off|0)$/i.test(effect.value),
  );
  return backslashes ? { code: 'backslashStrings', subject: 'standard_conforming_strings' } : undefined;
}

/** CREATE TEMP …, or anything that is created in pg_temp. */
function temporary(cursor: Cursor): Found | undefined {
  cursor.next();
  if (cursor.accept('OR')) cursor.next();
  cursor.accept('GLOBAL', 'LOCAL');
  let temp = cursor.accept('TEMP', 'TEMPORARY');
  // The kind of object, and IF NOT EXISTS.
  cursor.accept('UNLOGGED', 'RECURSIVE');
  if (!cursor.accept('TABLE', 'VIEW', 'SEQUENCE', 'FUNCTION', 'PROCEDURE', 'TYPE', 'DOMAIN', 'AGGREGATE'))
    return undefined;
  if (cursor.accept('IF')) {
    cursor.accept('NOT');
    cursor.accept('EXISTS');
  }
  let subject = cursor.slice();
  cursor.next();
  if (cursor.acceptChar('.')) {
    temp ||= subject.toLowerCase() === 'pg_temp';
    subject = cursor.slice();
    cursor.next();
  }
  if (!temp) return undefined;
  // It ends with its own transaction anyway.
  while (cursor.find('ON')) {
    cursor.next();
    if (cursor.accept('COMMIT') && cursor.is('DROP')) return undefined;
  }
  return { code: 'temporary', subject };
}

/** Most statements have none of these words, and need not be read. */
const CALLS = /advisory_lock|currval|lastval|\binto\s+(?:local\s+|global\s+)?temp/i;

/** What a query does by calling functions, and SELECT … INTO TEMP. */
function callConcern(text: string, { start, end }: Statement, writesBefore: boolean): Found | undefined {
  if (!CALLS.test(text.slice(start, end))) return undefined;
  let sequence: string | undefined;
  let advances = writesBefore;
  let before = '';
  for (const cursor = new Cursor(text, start, end); !cursor.atEnd;) {
    const word = cursor.kind === Token.Word ? cursor.slice().toLowerCase() : '';
    const intoTable = cursor.is('INTO') && before !== 'insert' && before !== 'merge';
    before = word;
    cursor.next();
    if (LOCKS.test(word)) return { code: 'sessionLock', subject: word };
    if (word === 'nextval' || word === 'setval') advances = true;
    else if (word === 'currval' || word === 'lastval') sequence = word;
    else if (intoTable) {
      cursor.accept('LOCAL', 'GLOBAL');
      if (!cursor.accept('TEMP', 'TEMPORARY')) continue;
      cursor.accept('TABLE');
      const subject = cursor.slice();
      if (subject !== '') return { code: 'temporary', subject };
    }
  }
  return sequence !== undefined && !advances ? { code: 'sequenceState', subject: sequence } : undefined;
}
