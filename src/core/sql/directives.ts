/** Labels of jobs, and the options that a text's leading comments set. */
import { Lexer, Token } from './lexer/lexer';
import { metaCommandAt } from './psql/psqlCommands';
import { ELLIPSIS, shapeOf } from './classify/labelFromSql';
import { parseBytes, parseDuration } from './settings/gucUnits';

/** How many bytes of UTF-8 pg_background keeps of a label (`PGBG_LABEL_MAX_LEN`). */
export const MAX_LABEL_BYTES = 64;

/** The smallest and the largest queue that pg_background accepts, in bytes. */
export const MIN_QUEUE_SIZE_BYTES = 64;
export const MAX_QUEUE_SIZE_BYTES = 256 * 1024 * 1024;

export type DirectiveName = 'label' | 'connection' | 'timeout' | 'worker-timeout' | 'queue-size';

/** The names that leading comments may set, in the order in which they are offered. */
export const DIRECTIVE_NAMES: readonly DirectiveName[] = [
  'label',
  'connection',
  'timeout',
  'worker-timeout',
  'queue-size',
];

/** A directive whose value cannot be used; it then counts as not there. */
export interface DirectiveProblem {
  readonly code: 'emptyValue' | 'badDuration' | 'badSize' | 'sizeOutOfRange' | 'labelTooLong' | 'repeated';
  readonly name: DirectiveName;
  /** One English sentence with what to write instead. */
  readonly message: string;
  /** The comment's place in the text, in UTF-16 code units. */
  readonly start: number;
  readonly end: number;
}

/** What leading comments ask for. */
export interface Directives {
  readonly label?: string;
  readonly connection?: string;
  /** 0: no limit. */
  readonly statementTimeoutMs?: number;
  /** 0: no limit. */
  readonly workerTimeoutMs?: number;
  readonly queueSizeBytes?: number;
  readonly problems: readonly DirectiveProblem[];
}

/**
 * Reads `-- name: value` comments before the first statement of a text: `label`, `connection`, `timeout`
 * (`statement_timeout`, such as `5min`), `worker-timeout`, `queue-size` (such as `256kB`). Other comments are only
 * comments. Where a name comes twice, the last one counts: it is nearer to the statement.
 */
export function directivesOf(text: string): Directives {
  const found: { -readonly [K in keyof Directives]: Directives[K] } = { problems: [] };
  const problems: DirectiveProblem[] = [];
  const seen = new Set<DirectiveName>();
  const lexer = new Lexer(text, text.charCodeAt(0) === 0xfeff ? 1 : 0);
  for (let kind = lexer.next(); kind === Token.LineComment || kind === Token.BlockComment; kind = lexer.next()) {
    if (kind === Token.BlockComment) continue;
    const match = /^--+\s*(label|connection|timeout|worker-timeout|queue-size)\s*:(.*)$/i.exec(lexer.slice());
    if (!match) continue;
    const name = (match[1] ?? '').toLowerCase() as DirectiveName;
    const problem = (code: DirectiveProblem['code'], message: string): void => {
      problems.push({ code, name, message, start: lexer.start, end: lexer.end });
    };
    if (seen.has(name)) problem('repeated', `"${name}" is set twice; this one counts.`);
    seen.add(name);
    apply(name, (match[2] ?? '').trim(), found, problem);
  }
  return { ...found, problems };
}

function apply(
  name: DirectiveName,
  value: string,
  found: { -readonly [K in keyof Directives]: Directives[K] },
  problem: (code: DirectiveProblem['code'], message: string) => void,
): void {
  if (value === '') {
    problem('emptyValue', `"${name}" has no value: write one behind the colon, or remove the comment.`);
    return;
  }
  switch (name) {
    case 'label':
      if (utf8Length(value) > MAX_LABEL_BYTES) {
        problem('labelTooLong', `The label is longer than ${MAX_LABEL_BYTES} bytes and is cut: write a shorter one.`);
      }
      found.label = truncateLabel(value);
      break;
    case 'connection':
      found.connection = value;
      break;
    case 'timeout':
    case 'worker-timeout': {
      const milliseconds = parseDuration(value);
      if (milliseconds === undefined) {
        problem(
          'badDuration',
          `"${value}" is not a duration: write a number with us, ms, s, min, h or d, such as 5min.`,
        );
      } else if (name === 'timeout') found.statementTimeoutMs = milliseconds;
      else found.workerTimeoutMs = milliseconds;
      break;
    }
    case 'queue-size': {
      const bytes = parseBytes(value);
      if (bytes === undefined) {
        problem('badSize', `"${value}" is not a size: write a number with B, kB or MB, such as 256kB.`);
      } else if (bytes < MIN_QUEUE_SIZE_BYTES || bytes > MAX_QUEUE_SIZE_BYTES) {
        problem('sizeOutOfRange', 'A queue has between 64B and 256MB: write a size between them, such as 256kB.');
      } else found.queueSizeBytes = bytes;
      break;
    }
  }
}

/** A label for a text: what its leading comments name, else {@link labelFromSql}. */
export function labelFor(sql: string): string {
  return directivesOf(sql).label ?? labelFromSql(sql);
}

/** A label made from the SQL: its shape, without any literal, since every role on the server can read labels. */
export function labelFromSql(sql: string): string {
  return ellipsized(shapeOf(sql));
}

/**
 * The beginning of the SQL without comments, in one line, for the user who wrote it. It hides what looks like a password. It has
 * literals, so it must never become a label: see {@link labelFromSql}.
 */
export function excerptOf(sql: string): string {
  const lexer = new Lexer(sql, sql.charCodeAt(0) === 0xfeff ? 1 : 0);
  let label = '';
  let end = -1;
  let afterPassword = false;
  for (let kind = lexer.nextCode(); kind !== Token.End; kind = lexer.nextCode()) {
    if (kind === Token.Backslash) {
      lexer.end = metaCommandAt(sql, lexer.start).next;
      continue;
    }
    if (end >= 0 && lexer.start > end) label += ' ';
    const string = kind === Token.String || kind === Token.DollarString;
    // A long token is cut before it is looked at any further: strings may have megabytes.
    const token = sql.slice(lexer.start, Math.min(lexer.end, lexer.start + 1000));
    label += string && (afterPassword || /password|pwd|secret/i.test(token)) ? "'…'" : token;
    afterPassword = lexer.is('PASSWORD') || (afterPassword && isGlue(token));
    end = lexer.end;
    if (label.length > MAX_LABEL_BYTES * 2) break;
  }
  return ellipsized(label.replace(/;$/, ''));
}

/** One line of at most {@link MAX_LABEL_BYTES}, with an ellipsis if it was longer. */
function ellipsized(text: string): string {
  const line = clean(text);
  if (utf8Length(line) <= MAX_LABEL_BYTES) return line;
  return `${cut(line, MAX_LABEL_BYTES - utf8Length(ELLIPSIS))
    .trimEnd()
    .replace(/…$/, '')}${ELLIPSIS}`;
}

/** What may stand between PASSWORD and its string: `password = 'x'`, `password => 'x'`. */
function isGlue(token: string): boolean {
  return token === '=' || token === '>' || token === ':';
}

/** A label as pg_background keeps it: one line without control characters, at most 64 bytes of UTF-8. */
export function truncateLabel(label: string): string {
  return cut(clean(label), MAX_LABEL_BYTES).trimEnd();
}

/**
 * White space of any kind becomes one space. Control characters go away, lone surrogates, which no server keeps, and marks
 * that turn the direction of text, with which a label could pass for another one.
 */
function clean(label: string): string {
  return label
    .replace(/\s+/gu, ' ')
    .replace(/[\p{Cc}\p{Cs}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '')
    .trim();
}

/** The longest beginning of whole code points that fits. */
function cut(text: string, bytes: number): string {
  let left = bytes;
  let end = 0;
  for (const char of text) {
    left -= utf8Length(char);
    if (left < 0) break;
    end += char.length;
  }
  return text.slice(0, end);
}

/** How many bytes a text takes in UTF-8; a lone surrogate counts as the replacement character it becomes. */
export function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x80) continue;
    bytes++;
    if (code < 0x800) continue;
    if (code >= 0xd800 && code < 0xdc00) {
      const low = text.charCodeAt(at + 1);
      // Four bytes for the two code units of a pair.
      if (low >= 0xdc00 && low < 0xe000) {
        bytes++;
        at++;
        continue;
      }
    }
    bytes++;
  }
  return bytes;
}
