/** Options of a job that its leading comments set. */
import type { FaultSpan } from '../base/fault';
import type { DirectiveFault, DirectiveFaults } from './faults';
import { labelFromSql, MAX_LABEL_BYTES, truncateLabel, utf8Length } from './labels';
import { BYTE_ORDER_MARK, Lexer, Token } from './lexer/lexer';
import { parseInto } from './intoTable';
import { parseBytes, parseDuration } from './settings/gucUnits';
import { PARAMETER_NAME } from './settings/parameterName';

/** The smallest and the largest queue that pg_background accepts, in bytes. */
export const MIN_QUEUE_SIZE_BYTES = 64;
export const MAX_QUEUE_SIZE_BYTES = 256 * 1024 * 1024;

/** The largest number of attempts. */
export const MAX_RETRY_ATTEMPTS = 100;

/** The names that leading comments may set, in the order of completion. */
export const DIRECTIVE_NAMES = [
  'label',
  'connection',
  'timeout',
  'worker-timeout',
  'lock-timeout',
  'retry',
  'queue-size',
  'set',
  'read-only',
  'into',
  'durable',
] as const;

export type DirectiveName = (typeof DIRECTIVE_NAMES)[number];

/** A problem of a directive. The directive is ignored, except if its label is too long or it is repeated. */
export type DirectiveProblem = DirectiveFault & {
  /** The range of the comment. */
  readonly span: FaultSpan;
};

/** The options that leading comments set. */
export interface Directives {
  readonly label?: string;
  readonly connection?: string;
  /** 0: no limit. */
  readonly statementTimeoutMs?: number;
  /** 0: no limit. */
  readonly workerTimeoutMs?: number;
  readonly queueSizeBytes?: number;
  /** Server parameters for the worker, by name in lower case. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly readOnly?: boolean;
  /** The number of attempts, if a lock is not available in time. */
  readonly retryOnLockTimeout?: number;
  readonly durable?: boolean;
  /** The table that stores the rows, as {@link parseInto} reads it. */
  readonly into?: string;
  readonly problems: readonly DirectiveProblem[];
}

type Found = { -readonly [K in keyof Directives]: Directives[K] };

const DIRECTIVE = new RegExp(`^--+\\s*(${DIRECTIVE_NAMES.join('|')})\\s*:(.*)$`, 'i');

/** A parameter and its value, with `=` or `TO` between them, as after SET. */
const SETTING = new RegExp(String.raw`^(${PARAMETER_NAME})\s*(?:=|\s+to\s+)\s*(\S.*?)\s*;?$`, 'iu');

/**
 * Reads `-- name: value` comments before the first statement of a text: `label`, `connection`, `timeout`
 * (`statement_timeout`, such as `5min`), `worker-timeout`, `lock-timeout`, `retry` (attempts after a lock timeout), `queue-size` (such as `256kB`), `set` (a
 * parameter, such as `work_mem = 1GB`; may be repeated), `read-only` and `durable` (`yes` or `no`), and `into` (a table). Other comments
 * are ignored.
 * If a name is repeated, the last value wins, because it is nearest to the statement.
 */
export function directivesOf(text: string): Directives {
  const found: Found = { problems: [] };
  const problems: DirectiveProblem[] = [];
  const seen = new Set<string>();
  const lexer = new Lexer(text, text.charCodeAt(0) === BYTE_ORDER_MARK ? 1 : 0);
  for (let kind = lexer.next(); kind === Token.LineComment || kind === Token.BlockComment; kind = lexer.next()) {
    if (kind === Token.BlockComment) continue;
    const match = DIRECTIVE.exec(lexer.slice());
    if (!match) continue;
    const name = (match[1] ?? '').toLowerCase() as DirectiveName;
    const span = { start: lexer.start, end: lexer.end };
    const report = (code: keyof DirectiveFaults): void => void problems.push({ code, params: { name }, span });
    // Each `set` is about its own parameter.
    const value = (match[2] ?? '').trim();
    const keys =
      name === 'set' ? Object.keys(parseSetting(value) ?? {}).map((parameter) => `set ${parameter}`) : [name];
    if (keys.some((key) => seen.has(key))) report('directive.repeated');
    for (const key of keys) seen.add(key);
    apply(name, value, found, report);
  }
  return { ...found, problems };
}

function apply(name: DirectiveName, value: string, found: Found, report: (code: keyof DirectiveFaults) => void): void {
  if (value === '') {
    report('directive.emptyValue');
    return;
  }
  switch (name) {
    case 'label':
      if (utf8Length(value) > MAX_LABEL_BYTES) report('directive.labelTooLong');
      found.label = truncateLabel(value);
      break;
    case 'connection':
      found.connection = value;
      break;
    case 'timeout':
    case 'worker-timeout': {
      const milliseconds = parseDuration(value);
      if (milliseconds === undefined) report('directive.invalidDuration');
      else if (name === 'timeout') found.statementTimeoutMs = milliseconds;
      else found.workerTimeoutMs = milliseconds;
      break;
    }
    case 'queue-size': {
      const bytes = parseBytes(value);
      if (bytes === undefined) report('directive.invalidSize');
      else if (bytes < MIN_QUEUE_SIZE_BYTES || bytes > MAX_QUEUE_SIZE_BYTES) report('directive.sizeOutOfRange');
      else found.queueSizeBytes = bytes;
      break;
    }
    case 'lock-timeout': {
      const milliseconds = parseDuration(value);
      if (milliseconds === undefined) report('directive.invalidDuration');
      else found.settings = { ...found.settings, lock_timeout: `${milliseconds}ms` };
      break;
    }
    case 'retry': {
      const attempts = /^\d{1,3}$/.test(value) ? Number(value) : 0;
      if (attempts >= 1 && attempts <= MAX_RETRY_ATTEMPTS) found.retryOnLockTimeout = attempts;
      else report('directive.invalidCount');
      break;
    }
    case 'set': {
      const setting = parseSetting(value);
      if (setting) found.settings = { ...found.settings, ...setting };
      else report('directive.invalidSetting');
      break;
    }
    case 'read-only':
      if (!/^(yes|no)$/i.test(value)) report('directive.notYesOrNo');
      else found.readOnly = value.toLowerCase() === 'yes';
      break;
    case 'into':
      if (parseInto(value)) found.into = value;
      else report('directive.invalidTable');
      break;
    case 'durable':
      if (/^(yes|true|on)$/i.test(value)) found.durable = true;
      else if (/^(no|false|off)$/i.test(value)) found.durable = false;
      else report('directive.notYesOrNo');
      break;
  }
}

/** Reads `name = value` or `name TO value`. @returns undefined if it is neither */
export function parseSetting(text: string): Readonly<Record<string, string>> | undefined {
  const [, name, value = ''] = SETTING.exec(text) ?? [];
  return name === undefined ? undefined : { [name.toLowerCase()]: unquoted(value) };
}

/** `'it''s'` as `it's`; other values stay as they are. */
function unquoted(value: string): string {
  return /^'([^']|'')*'$/.test(value) ? value.slice(1, -1).replaceAll("''", "'") : value;
}

/** The label of a text: the one in its leading comments, or else {@link labelFromSql}. */
export function labelFor(sql: string): string {
  return directivesOf(sql).label ?? labelFromSql(sql);
}
