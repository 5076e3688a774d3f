/**
 * The filter of the list of jobs: words, and terms such as `is:failed connection:prod after:2026-11-01`.
 *
 * All terms must match. Several `is:` or `connection:` terms are alternatives. A minus before a term excludes what it matches. Values with
 * spaces are quoted: `label:"nightly report"`.
 */
import type { JobState } from '../../../api';
import type { FaultOf } from '../../base/fault';
import { startOfDay } from './byDay';

export interface FilterFaults {
  'filter.unknownState': { readonly value: string; readonly allowed: readonly string[] };
  'filter.invalidDate': { readonly key: string; readonly value: string };
  'filter.emptyValue': { readonly key: string };
}
export type FilterFault = FaultOf<FilterFaults>;

/** The facts about a job that a filter can use. Times are milliseconds since 1970. */
export interface FilterableJob {
  readonly label: string;
  readonly sql: string;
  readonly connection: string;
  readonly state: JobState;
  readonly pid?: number | undefined;
  readonly queuedAt: number;
  readonly finishedAt?: number | undefined;
  readonly pinned: boolean;
  /** The message of its error. */
  readonly error?: string | undefined;
}

export interface JobFilter {
  /** True for the empty filter, which matches every job. */
  readonly empty: boolean;
  /** Terms that are ignored because they are invalid, with their position in the text. */
  readonly faults: readonly FilterFault[];
  matches(job: FilterableJob): boolean;
}

/** The values of `is:`, and the states that each matches. */
export const FILTER_STATES: Readonly<Record<string, readonly JobState[]>> = {
  queued: ['queued'],
  running: ['launching', 'running', 'reading', 'canceling', 'unresponsive', 'detached'],
  succeeded: ['succeeded'],
  failed: ['failed'],
  canceled: ['canceled'],
  lost: ['lost'],
  detached: ['detached'],
  unresponsive: ['unresponsive'],
  finished: ['succeeded', 'failed', 'canceled', 'lost', 'finished'],
};

export const FILTER_KEYS = ['is', 'connection', 'label', 'sql', 'pid', 'after', 'before', 'on'] as const;
export type FilterKey = (typeof FILTER_KEYS)[number];

const DAY_MS = 86_400_000;

interface Term {
  readonly key: FilterKey | 'text';
  readonly negated: boolean;
  matches(job: FilterableJob): boolean;
}

/**
 * Parses a filter. Unknown keys are searched as text, because SQL is full of colons.
 *
 * @param now for `on:today` and `on:yesterday`, milliseconds since 1970
 */
export function parseJobFilter(text: string, now: number): JobFilter {
  const faults: FilterFault[] = [];
  const terms: Term[] = [];
  for (const part of parts(text)) {
    const term = termOf(part, now, faults);
    if (term) terms.push(term);
  }
  const required = terms.filter(({ negated }) => !negated);
  const excluded = terms.filter(({ negated }) => negated);
  const alternatives = (['is', 'connection'] as const)
    .map((key) => required.filter((term) => term.key === key))
    .filter((group) => group.length > 0);
  const others = required.filter(({ key }) => key !== 'is' && key !== 'connection');
  return {
    empty: terms.length === 0,
    faults,
    matches: (job) =>
      others.every((term) => term.matches(job)) &&
      alternatives.every((group) => group.some((term) => term.matches(job))) &&
      !excluded.some((term) => term.matches(job)),
  };
}

interface Part {
  readonly negated: boolean;
  /** Undefined for a word without a key. */
  readonly key: string | undefined;
  readonly value: string;
  /** The whole term as written, without the minus. */
  readonly raw: string;
  readonly span: { readonly start: number; readonly end: number };
}

/** A term: an optional minus and key, then a quoted or plain value. An unclosed quote ends with the text. */
const TERM = /(-)?(?:([a-z]+):)?("[^"]*"?|\S*)/gi;

function parts(text: string): Part[] {
  const found: Part[] = [];
  for (const match of text.matchAll(TERM)) {
    const [all, minus, key, rawValue = ''] = match;
    if (all === '' || all === '-') continue;
    const value = rawValue.startsWith('"') ? rawValue.slice(1).replace(/"$/, '') : rawValue;
    const span = { start: match.index, end: match.index + all.length };
    found.push({
      negated: minus !== undefined,
      key: key?.toLowerCase(),
      value,
      raw: all.slice(minus?.length ?? 0),
      span,
    });
  }
  return found;
}

function termOf(part: Part, now: number, faults: FilterFault[]): Term | undefined {
  const { key, value, negated, span } = part;
  if (key === undefined || !isKey(key)) return textTerm(key === undefined ? value : part.raw, negated);
  if (value === '') {
    faults.push({ code: 'filter.emptyValue', params: { key }, span });
    return undefined;
  }
  const term = (matches: Term['matches']): Term => ({ key, negated, matches });
  switch (key) {
    case 'is': {
      if (value.toLowerCase() === 'pinned') return term(({ pinned }) => pinned);
      const states = Object.hasOwn(FILTER_STATES, value.toLowerCase()) ? FILTER_STATES[value.toLowerCase()] : undefined;
      if (!states) {
        const allowed = [...Object.keys(FILTER_STATES), 'pinned'];
        faults.push({ code: 'filter.unknownState', params: { value, allowed }, span });
        return undefined;
      }
      return term(({ state }) => states.includes(state));
    }
    case 'connection':
      return term(({ connection }) => includes(connection, value));
    case 'label':
      return term(({ label }) => includes(label, value));
    case 'sql':
      return term(({ sql }) => includes(sql, value));
    case 'pid':
      return term(({ pid }) => String(pid ?? '') === value);
    case 'after':
    case 'before':
    case 'on': {
      const day = parseDay(value, now);
      if (day === undefined) {
        faults.push({ code: 'filter.invalidDate', params: { key, value }, span });
        return undefined;
      }
      const next = nextDay(day);
      return term((job) => {
        const at = job.finishedAt ?? job.queuedAt;
        return key === 'after' ? at >= day : key === 'before' ? at < day : at >= day && at < next;
      });
    }
  }
}

function isKey(key: string): key is FilterKey {
  return (FILTER_KEYS as readonly string[]).includes(key);
}

function textTerm(value: string, negated: boolean): Term | undefined {
  if (value === '') return undefined;
  return {
    key: 'text',
    negated,
    matches: ({ label, sql, connection, error = '', pid }) =>
      includes(label, value) ||
      includes(sql, value) ||
      includes(connection, value) ||
      includes(error, value) ||
      String(pid ?? '') === value,
  };
}

function includes(text: string, part: string): boolean {
  return text.toLowerCase().includes(part.toLowerCase());
}

/** The start of a day in local time: `2026-11-26`, `today`, or `yesterday`; undefined if it is none of these. */
function parseDay(value: string, now: number): number | undefined {
  if (value === 'today') return startOfDay(now);
  // The day before may have 23, 24, or 25 hours.
  if (value === 'yesterday') return startOfDay(startOfDay(now) - DAY_MS / 2);
  const [, year, month, date] = /^(\d{4})-(\d{1,2})-(\d{1,2})$/.exec(value) ?? [];
  if (year === undefined || month === undefined || date === undefined) return undefined;
  const day = new Date(Number(year), Number(month) - 1, Number(date));
  return day.getMonth() === Number(month) - 1 && day.getDate() === Number(date) ? day.getTime() : undefined;
}

/** The next day begins 23, 24, or 25 hours later. */
function nextDay(day: number): number {
  return startOfDay(day + DAY_MS + DAY_MS / 2);
}
