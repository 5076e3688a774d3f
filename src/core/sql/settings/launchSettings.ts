/**
 * Determines which settings at the start of a text must be applied with the launch.
 *
 * - A worker arms its timers once, when it starts, so a `statement_timeout` that the text sets has no effect. One at the start of the
 *   text is therefore applied with the launch. It limits the whole run, while psql limits each later statement.
 * - A statement that refuses a transaction block (CREATE INDEX CONCURRENTLY, VACUUM) must be sent alone. If only settings precede it,
 *   they are applied with the launch and replaced by blanks in the text that is sent.
 */
import { classify } from '../classify/classify';
import { BYTE_ORDER_MARK } from '../lexer/lexer';
import { setParameters, type SetParameter } from './setStatement';
import { splitStatements } from '../split/statements';
import type { SplitText, Statement } from '../split/splitTypes';

/** Time limits that have no effect once a worker runs. (`transaction_timeout` has an effect: measured on 18.6.) */
export const LAUNCH_LIMITS = ['statement_timeout', 'pg_background.worker_timeout'] as const;
export type LaunchLimit = (typeof LAUNCH_LIMITS)[number];

/** Settings of the current transaction, which cannot be applied before it begins. */
const TRANSACTION_SETTINGS = new Set([
  'session_authorization',
  'transaction_isolation',
  'transaction_read_only',
  'transaction_deferrable',
]);

/** A text, prepared for its launch. */
export interface LaunchText {
  /**
   * The text to send, with blanks for a byte order mark and for settings before a statement that must run alone, so that offsets do not
   * change.
   */
  readonly sql: string;
  /** Settings to apply with the launch: values for `set_config`, by name. */
  readonly settings: Readonly<Record<string, string>>;
  /** The text is a statement that must run alone, with only settings before it. */
  readonly alone: boolean;
  /** Limits that the text sets without effect. */
  readonly ineffective: readonly { readonly name: LaunchLimit; readonly start: number; readonly end: number }[];
}

/** Never throws. Takes time linear in the length of the text. @param split the statements of the text, if already known */
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
  return set.every(({ name }) => !TRANSACTION_SETTINGS.has(name));
}

/** The last value of each setting, except settings that were reset to their default. */
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
    const name = set ? set.find((parameter) => isLaunchLimit(parameter.name))?.name : limitInCode(text, statement);
    return name !== undefined && isLaunchLimit(name) ? [{ name, start: statement.start, end: statement.end }] : [];
  });
}

/** A limit that is set by code, or to a value that is not a constant. */
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

/** Replaces statements and their semicolons by blanks, so that offsets do not change. */
function blanked(text: string, statements: readonly Statement[]): string {
  let out = '';
  let from = 0;
  for (const { start, next } of statements) {
    out += text.slice(from, start) + text.slice(start, next).replace(/[^\n\r]/g, ' ');
    from = next;
  }
  return out + text.slice(from);
}
