/**
 * The settings at the start of a text, and which of them have to be applied with the launch.
 *
 * - A worker arms its timers once, when it starts. A `statement_timeout` that the text sets later limits nothing, so one at its start
 *   is applied with the launch. It then limits the whole run, while psql limits each later statement.
 * - A statement that refuses a transaction block (CREATE INDEX CONCURRENTLY, VACUUM) has to be sent alone. If settings are all that
 *   comes before it, they are applied with the launch and blanked out of what is sent.
 */
import { classify } from '../classify/classify';
import { BYTE_ORDER_MARK } from '../lexer/lexer';
import { setParameters, type SetParameter } from './setStatement';
import { splitStatements } from '../split/statements';
import type { SplitText, Statement } from '../split/splitTypes';

/** Time limits that have no effect once a worker runs. (`transaction_timeout` does have one: measured on 18.6.) */
export const LAUNCH_LIMITS = ['statement_timeout', 'pg_background.worker_timeout'] as const;
export type LaunchLimit = (typeof LAUNCH_LIMITS)[number];

/** They belong to a transaction that has begun, so they cannot be applied before it. */
const OF_TRANSACTION = new Set([
  'session_authorization',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
]);

/** A text and how it has to be launched. */
export interface LaunchText {
  /** What is sent: the text, of the same length, with blanks for a byte order mark and for settings before a statement that must run alone. */
  readonly sql: string;
  /** To be applied with the launch, by name, as `set_config` takes them. */
  readonly settings: Readonly<Record<string, string>>;
  /** A statement that must run alone does so, because everything before it are settings. */
  readonly alone: boolean;
  /** Limits that the text sets where they have no effect. */
  readonly ineffective: readonly { readonly name: LaunchLimit; readonly start: number; readonly end: number }[];
}

/** Reads a text. Never throws; takes time linear in its length. @param split the text taken apart, if that is known already */
export function launchText(text: string, split: SplitText = splitStatements(text)): LaunchText {
  if (text.charCodeAt(0) === BYTE_ORDER_MARK) return launchText(` ${text.slice(1)}`);
  const { statements, problems } = split;
  const unchanged: LaunchText = { sql: text, settings: {}, alone: false, ineffective: [] };
  if (problems.length > 0 || statements.length < 2) return unchanged;
  const leading: SetParameter[][] = [];
  for (const statement of statements) {
    const set = setParameters(text, statement);
    if (!set) break;
    leading.push(set);
  }
  const first = leading.length;
  if (first === statements.length) return unchanged;
  const settings = merged(leading.flat());
  const rest = statements.slice(first);
  const [only] = rest;
  if (first > 0 && rest.length === 1 && only && mustRunAlone(text, only) && canPrecede(leading.flat())) {
    return { sql: blanked(text, statements.slice(0, first)), settings, alone: true, ineffective: [] };
  }
  const limits = Object.fromEntries(Object.entries(settings).filter(([name]) => isLaunchLimit(name)));
  return { sql: text, settings: limits, alone: false, ineffective: ineffectiveLimits(text, rest) };
}

function mustRunAlone(text: string, statement: Statement): boolean {
  return classify(text, statement).refusesTransactionBlock !== undefined;
}

function canPrecede(set: readonly SetParameter[]): boolean {
  return set.every(({ name }) => !OF_TRANSACTION.has(name));
}

/** The last value of each counts; one that was set back to its default is not set. */
function merged(set: readonly SetParameter[]): Record<string, string> {
  const values = new Map<string, string>();
  for (const { name, value } of set) {
    if (value === undefined) values.delete(name);
    else values.set(name, value);
  }
  return Object.fromEntries(values);
}

function ineffectiveLimits(text: string, statements: readonly Statement[]): LaunchText['ineffective'] {
  return statements.flatMap((statement) => {
    const set = setParameters(text, statement);
    const name = set ? set.find((one) => isLaunchLimit(one.name))?.name : limitInCode(text, statement);
    return name !== undefined && isLaunchLimit(name) ? [{ name, start: statement.start, end: statement.end }] : [];
  });
}

/** A limit that is set by code, or to what is not a constant. */
function limitInCode(text: string, { start, end, keyword }: Statement): LaunchLimit | undefined {
  const code = text.slice(start, end);
  return LAUNCH_LIMITS.find((name) => {
    if (!code.toLowerCase().includes(name)) return false;
    const literal = name.replace('.', String.raw`\.`);
    if (new RegExp(String.raw`\bset_config\s*\([^)]*'${literal}'`, 'i').test(code))
      return !/^(CREATE|COMMENT)$/.test(keyword);
    return keyword === 'DO' && new RegExp(String.raw`\bset\s+((session|local)\s+)?${literal}\b`, 'i').test(code);
  });
}

function isLaunchLimit(name: string): name is LaunchLimit {
  return (LAUNCH_LIMITS as readonly string[]).includes(name);
}

/** Blanks in place of statements and their semicolons, so that every place in the text stays where it is. */
function blanked(text: string, statements: readonly Statement[]): string {
  let out = '';
  let from = 0;
  for (const { start, next } of statements) {
    out += text.slice(from, start) + text.slice(start, next).replace(/[^\n\r]/g, ' ');
    from = next;
  }
  return out + text.slice(from);
}
