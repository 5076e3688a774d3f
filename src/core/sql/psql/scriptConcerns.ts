/** Finds effects on the session that later statements would miss if each statement ran in its own worker. */
import type { FaultOf, FaultSpan } from '../../base/fault';
import type { ScriptConcerns } from '../faults';
import { Cursor } from '../lexer/cursor';
import { Token } from '../lexer/lexer';
import { sessionChange } from '../settings/sessionEffects';
import { splitStatements } from '../split/statements';
import type { Statement } from '../split/splitTypes';

type Concern = FaultOf<ScriptConcerns>;

/** An effect on the session that a later statement needs. */
export type ScriptConcern = Concern & {
  /** The index of the text with the statement. */
  readonly step: number;
  /** The range of the statement in that text. */
  readonly span: FaultSpan;
};

const LOCKS = /^pg_(try_)?advisory_lock(_shared)?$/;

/**
 * Finds effects on the session in texts that will run one after the other, each in its own session.
 *
 * @param texts the SQL as it will be sent, in order
 */
export function scriptConcerns(texts: readonly string[]): ScriptConcern[] {
  const concerns: ScriptConcern[] = [];
  /** Concerns that matter only if a later command uses the object. */
  const pending: { readonly usedBy: RegExp; readonly concern: ScriptConcern }[] = [];
  texts.forEach((text, step) => {
    const { statements } = splitStatements(text);
    let writes = false;
    for (const statement of statements) {
      const { keyword, start, end } = statement;
      for (let index = pending.length - 1; index >= 0; index--) {
        const candidate = pending[index];
        if (!candidate || candidate.concern.step === step || !candidate.usedBy.test(keyword)) continue;
        concerns.push(candidate.concern);
        pending.splice(index, 1);
      }
      const found = concernOf(text, statement, writes);
      if (keyword === 'INSERT' || keyword === 'MERGE' || keyword === 'COPY') writes = true;
      if (!found) continue;
      const concern: ScriptConcern = { ...found, step, span: { start, end } };
      switch (concern.code) {
        case 'script.sequenceState':
          if (step > 0) concerns.push(concern);
          break;
        case 'script.preparedStatement':
          pending.push({ usedBy: /^EXECUTE$/, concern });
          break;
        case 'script.heldCursor':
          pending.push({ usedBy: /^(FETCH|MOVE)$/, concern });
          break;
        case 'script.backslashStrings':
          concerns.push(concern);
          break;
        default:
          if (step < texts.length - 1) concerns.push(concern);
      }
    }
  });
  return concerns.sort((a, b) => a.step - b.step || a.span.start - b.span.start);
}

/** The characters of a statement that a concern quotes. */
const MAX_EXCERPT = 60;

function concernOf(text: string, statement: Statement, writesBefore: boolean): Concern | undefined {
  const { start, end, keyword } = statement;
  const cursor = new Cursor(text, start, end);
  switch (keyword) {
    case 'SET':
    case 'RESET':
    case 'DISCARD':
      return settingConcern(text, statement);
    case 'LOAD':
      cursor.next();
      return { code: 'script.loadedLibrary', params: { name: cursor.slice() } };
    case 'PREPARE':
      cursor.next();
      return { code: 'script.preparedStatement', params: { name: cursor.slice() } };
    case 'DECLARE': {
      cursor.next();
      const name = cursor.slice();
      const held = cursor.find('WITH', 'WITHOUT', 'FOR') && cursor.is('WITH');
      return held ? { code: 'script.heldCursor', params: { name } } : undefined;
    }
    case 'CREATE':
      return temporary(cursor);
    default:
      return settingConcern(text, statement) ?? callConcern(text, statement, writesBefore);
  }
}

function settingConcern(text: string, statement: Statement): Concern | undefined {
  const change = sessionChange(text, statement);
  if (change?.scope !== 'session') return undefined;
  if (change.effects === 'unclear') {
    const { start, end } = statement;
    const excerpt = text.slice(start, Math.min(end, start + MAX_EXCERPT));
    return { code: 'script.unclearSetting', params: { statement: excerpt } };
  }
  const backslashes = change.effects.some(
    (effect) =>
      effect.kind === 'set' &&
      effect.name === 'standard_conforming_strings' &&
      /^(f|fa|fal|fals|false|n|no|of|off|0)$/i.test(effect.value),
  );
  return backslashes ? { code: 'script.backslashStrings', params: { name: 'standard_conforming_strings' } } : undefined;
}

/** CREATE TEMP …, or CREATE of anything in pg_temp. */
function temporary(cursor: Cursor): Concern | undefined {
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
  let name = cursor.slice();
  cursor.next();
  if (cursor.acceptChar('.')) {
    temp ||= name.toLowerCase() === 'pg_temp';
    name = cursor.slice();
    cursor.next();
  }
  if (!temp) return undefined;
  // An object with ON COMMIT DROP ends with its transaction anyway.
  while (cursor.find('ON')) {
    cursor.next();
    if (cursor.accept('COMMIT') && cursor.is('DROP')) return undefined;
  }
  return { code: 'script.temporary', params: { name } };
}

/** Statements without these words need not be read. */
const CALLS = /advisory_lock|currval|lastval|\binto\s+(?:local\s+|global\s+)?temp/i;

/** Effects of the functions that a query calls, and of SELECT … INTO TEMP. */
function callConcern(text: string, { start, end }: Statement, writesBefore: boolean): Concern | undefined {
  if (!CALLS.test(text.slice(start, end))) return undefined;
  let sequence: string | undefined;
  let advances = writesBefore;
  let before = '';
  for (const cursor = new Cursor(text, start, end); !cursor.atEnd;) {
    const word = cursor.kind === Token.Word ? cursor.slice().toLowerCase() : '';
    const intoTable = cursor.is('INTO') && before !== 'insert' && before !== 'merge';
    before = word;
    cursor.next();
    if (LOCKS.test(word)) return { code: 'script.sessionLock', params: { name: word } };
    if (word === 'nextval' || word === 'setval') advances = true;
    else if (word === 'currval' || word === 'lastval') sequence = word;
    else if (intoTable) {
      cursor.accept('LOCAL', 'GLOBAL');
      if (!cursor.accept('TEMP', 'TEMPORARY')) continue;
      cursor.accept('TABLE');
      const name = cursor.slice();
      if (name !== '') return { code: 'script.temporary', params: { name } };
    }
  }
  return sequence !== undefined && !advances ? { code: 'script.sequenceState', params: { name: sequence } } : undefined;
}
