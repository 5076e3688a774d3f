/** Determines how a statement changes its session: the settings and the role with which later statements run. */
import { Cursor } from '../lexer/cursor';
import { nameValue, stringValue } from '../lexer/literalValues';
import { setParameters, type SetParameter } from './setStatement';
import { splitStatements } from '../split/statements';
import type { Statement } from '../split/splitTypes';

export type SessionEffect =
  /** Sets a parameter. The name is in lower case; the value is input for `set_config`. */
  | { readonly kind: 'set'; readonly name: string; readonly value: string }
  /** Resets a parameter to its value at the start of the session. */
  | { readonly kind: 'reset'; readonly name: string }
  /** RESET ALL: resets all parameters, but not the role. */
  | { readonly kind: 'resetAll' }
  /** DISCARD ALL: also resets the role. */
  | { readonly kind: 'discardAll' }
  /** SET ROLE; undefined for NONE. */
  | { readonly kind: 'role'; readonly role: string | undefined }
  /** SET SESSION AUTHORIZATION; undefined for DEFAULT. Also ends a SET ROLE. */
  | { readonly kind: 'authorization'; readonly role: string | undefined };

/** The changes of a statement to its session. */
export interface SessionChange {
  /** `local`: only for the rest of its transaction. */
  readonly scope: 'session' | 'local';
  /** `unclear`: it sets something that cannot be determined from its text. */
  readonly effects: readonly SessionEffect[] | 'unclear';
}

/** The effects of all statements of a text that outlast its transaction, in order. */
export function effectsOf(sql: string): readonly SessionEffect[] {
  // Texts without these words set nothing.
  if (!/\b(set|reset|discard|set_config)\b/i.test(sql)) return [];
  return splitStatements(sql).statements.flatMap((statement) => {
    const change = sessionChange(sql, statement);
    return change?.scope === 'session' && change.effects !== 'unclear' ? change.effects : [];
  });
}

/** The changes of a statement to its session. @returns undefined if there are none */
export function sessionChange(text: string, statement: Pick<Statement, 'start' | 'end'>): SessionChange | undefined {
  const cursor = new Cursor(text, statement.start, statement.end);
  if (cursor.accept('SET')) return readSet(cursor, text, statement);
  if (cursor.accept('RESET')) {
    if (cursor.is('ALL')) return session([{ kind: 'resetAll' }]);
    if (cursor.accept('SESSION') && cursor.is('AUTHORIZATION')) return session([effect('session_authorization')]);
    return session(effects(setParameters(text, statement)));
  }
  if (cursor.accept('DISCARD')) return cursor.is('ALL') ? session([{ kind: 'discardAll' }]) : undefined;
  if (cursor.is('DO')) return setsInBlock(text.slice(statement.start, statement.end)) ? session('unclear') : undefined;
  return readSetConfig(cursor, text, statement);
}

/** Whether a DO block may set something that outlasts its transaction. Functions that it calls are not considered. */
function setsInBlock(code: string): boolean {
  if (/(?:^|;|\$|\b(?:begin|then|else|loop))\s*set\s+(?!local\b|constraints\b|transaction\b)/i.test(code)) return true;
  const calls = code.match(/\bset_config\s*\(/gi)?.length ?? 0;
  return calls > (code.match(/,\s*true\s*\)/gi)?.length ?? 0);
}

function session(found: SessionChange['effects']): SessionChange {
  return { scope: 'session', effects: found };
}

function effects(parameters: readonly SetParameter[] | undefined): SessionChange['effects'] {
  return parameters?.map(({ name, value }) => effect(name, value)) ?? 'unclear';
}

/** The effect of setting a parameter. The role is also a parameter: `SET role TO x`, `set_config('role', …)`. */
function effect(name: string, value?: string): SessionEffect {
  if (name === 'role') return { kind: 'role', role: value === 'none' ? undefined : value };
  if (name === 'session_authorization') return { kind: 'authorization', role: value };
  return value === undefined ? { kind: 'reset', name } : { kind: 'set', name, value };
}

function readSet(cursor: Cursor, text: string, statement: Pick<Statement, 'start' | 'end'>): SessionChange | undefined {
  const ahead = cursor.copy();
  const mode = cursor.copy();
  mode.next();
  if (ahead.accept('LOCAL', 'SESSION') && !(ahead.is('TO') || ahead.slice() === '=' || ahead.slice() === '.')) {
    if (cursor.is('LOCAL')) return { scope: 'local', effects: [] };
    const again = ahead.copy();
    if (again.accept('SESSION') && again.is('AUTHORIZATION')) return session(readAuthorization(again));
    if (ahead.is('AUTHORIZATION')) return session(readAuthorization(ahead));
  } else if (
    cursor.is('CONSTRAINTS') ||
    (cursor.is('TRANSACTION') && mode.is('ISOLATION', 'READ', 'NOT', 'DEFERRABLE', 'SNAPSHOT'))
  ) {
    return { scope: 'local', effects: [] };
  }
  return session(effects(setParameters(text, statement)));
}

function readAuthorization(cursor: Cursor): SessionChange['effects'] {
  cursor.next();
  if (cursor.is('DEFAULT')) return [effect('session_authorization')];
  const written = cursor.slice();
  const role = stringValue(written) ?? nameValue(written);
  return role === undefined ? 'unclear' : [effect('session_authorization', role)];
}

/** Only SELECT set_config(…) with constants can be read; set_config anywhere else is unclear. */
function readSetConfig(
  cursor: Cursor,
  text: string,
  statement: Pick<Statement, 'start' | 'end'>,
): SessionChange | undefined {
  if (!/set_config/i.test(text.slice(statement.start, statement.end)) || cursor.is('CREATE', 'COMMENT'))
    return undefined;
  let calls = false;
  let local = false;
  let lasting = false;
  while (!cursor.atEnd) {
    calls ||= /^"?set_config"?$/i.test(cursor.slice());
    local ||= cursor.is('TRUE');
    lasting ||= cursor.is('FALSE');
    cursor.next();
  }
  if (!calls) return undefined;
  const found = effects(setParameters(text, statement));
  if (found === 'unclear' || (local && lasting)) return session('unclear');
  return local ? { scope: 'local', effects: [] } : session(found);
}
