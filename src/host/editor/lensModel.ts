/** Computes the lenses of a text. */
import type { JobInfo, JobState } from '../../api';
import { countWhile } from '../../core/base/binarySearch';
import type { SplitText, Statement } from '../../core/sql/split/splitTypes';
import type { Span } from './edits';
import type { JobRange } from './jobRanges';

/** The texts of lenses, in the user's language. */
export interface LensTexts {
  readonly run: string;
  readonly cancel: string;
  readonly showResults: string;
  readonly edited: string;
  readonly readingRows: string;
  /** Prefixes of the status of a job that is a whole file or a selection. */
  readonly file: string;
  readonly selection: string;
  /** For one of several statements that begin on the same line. */
  runNamed(statement: string): string;
  /** For several running jobs of one statement. */
  jobs(count: number): string;
  rows(count: number): string;
  span(ms: number): string;
  state(state: JobState): string;
}

/** The action of a click on a lens. */
export type LensAction = 'run' | 'cancel' | 'results' | 'details' | 'jobs';

export interface Lens {
  /** The lens is shown above the line of this offset. */
  readonly offset: number;
  readonly title: string;
  readonly action: LensAction;
  readonly jobId?: string;
  /** The jobs of a `jobs` lens, newest first. */
  readonly jobIds?: readonly string[];
}

export interface LensInput {
  readonly text: string;
  readonly split: SplitText;
  readonly jobRanges: readonly JobRange[];
  readonly job: (id: string) => JobInfo | undefined;
  readonly now: number;
  readonly texts: LensTexts;
  /** The visible spans. If there are more than {@link MAX_STATEMENTS} statements, only those near a visible span get lenses. */
  readonly visible: readonly Span[];
}

/** If a text has more statements, only those near the visible spans get lenses. */
export const MAX_STATEMENTS = 400;
/** The number of statements before and after the visible ones that get lenses. */
const NEARBY_STATEMENTS = 50;
/** The maximum length of an error message in a lens; a click shows the whole message. */
const MAX_MESSAGE = 80;
/** The maximum length of a statement's name in a lens. */
const MAX_NAME = 30;
/** If a statement has more running jobs, they share a lens. */
const MAX_CANCEL_LENSES = 2;

/** The lenses, sorted by offset. A statement with a running job has "Cancel" instead of "Run in Background". */
export function lensesOf(input: LensInput): Lens[] {
  const { split, texts, visible } = input;
  const { statements } = split;
  const byStatement = new Map<Statement, JobRange[]>();
  const byOffset = new Map<number, JobRange[]>();
  for (const jobRange of input.jobRanges) {
    const statement = statementOf(jobRange, statements);
    if (statement) addTo(byStatement, statement, markExtended(jobRange, statement));
    else addTo(byOffset, jobRange.span.start, jobRange);
  }
  const lenses: Lens[] = [];
  for (const [offset, jobRanges] of byOffset) {
    const { kind } = jobRanges.at(-1) ?? {};
    const prefix = kind === 'file' ? texts.file : texts.selection;
    lenses.push(...jobLenses(jobRanges, offset, input).map((lens) => ({ ...lens, title: `${prefix}: ${lens.title}` })));
  }
  const shown = statements.length <= MAX_STATEMENTS ? statements : near(statements, visible);
  for (const statement of new Set([...shown, ...byStatement.keys()])) {
    const own = jobLenses(byStatement.get(statement) ?? [], statement.start, input);
    const running = own.some(({ action }) => action === 'cancel' || action === 'jobs');
    const title = sharesLine(statement, split, input.text) ? texts.runNamed(nameOf(statement, input.text)) : texts.run;
    if (!running) lenses.push({ offset: statement.start, title, action: 'run' });
    lenses.push(...own);
  }
  return lenses.sort((a, b) => a.offset - b.offset);
}

/** Whether another statement begins on the same line, so that their lenses are side by side. */
function sharesLine({ start }: Statement, { statements }: SplitText, text: string): boolean {
  const index = firstEndingFrom(statements, start);
  const [before, own, after] = [statements[index - 1], statements[index], statements[index + 1]];
  const together = (a: number, b: number): boolean => !text.slice(a, b).includes('\n');
  return (
    own !== undefined &&
    ((before !== undefined && together(before.start, own.start)) ||
      (after !== undefined && together(own.start, after.start)))
  );
}

/** The start of a statement, on one line. */
function nameOf({ start, end }: Statement, text: string): string {
  const name = shortened(text.slice(start, Math.min(end, start + 4 * MAX_NAME)));
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1).trimEnd()}…`;
}

/** The visible statements and some around them, so that lenses exist when the user scrolls a little. */
function near(statements: readonly Statement[], visible: readonly Span[]): Statement[] {
  const found = new Set<Statement>();
  for (const { start, end } of visible) {
    const first = firstEndingFrom(statements, start);
    const last = firstEndingFrom(statements, end);
    const from = Math.max(0, first - NEARBY_STATEMENTS);
    for (const statement of statements.slice(from, Math.min(last + NEARBY_STATEMENTS, from + MAX_STATEMENTS))) {
      found.add(statement);
    }
  }
  return [...found];
}

/** The index of the first statement that ends at or after an offset. */
function firstEndingFrom(statements: readonly Statement[], offset: number): number {
  return countWhile(statements, ({ end }) => end < offset);
}

/** The statement of a job range. @returns undefined for several statements or the whole file */
function statementOf(jobRange: JobRange, statements: readonly Statement[]): Statement | undefined {
  if (jobRange.kind === 'file') return undefined;
  const { start, end } = jobRange.span;
  const first = firstEndingFrom(statements, start + 1);
  const statement = statements[first];
  if (!statement || statement.start >= end) return undefined;
  const next = statements[first + 1];
  return jobRange.kind === 'selection' && next && next.start < end ? undefined : statement;
}

/** Marks a range as edited if text was typed directly after its statement, which changes the statement. */
function markExtended(jobRange: JobRange, statement: Statement): JobRange {
  if (jobRange.edited || jobRange.kind !== 'statement' || jobRange.span.end === statement.end) return jobRange;
  return { ...jobRange, edited: true };
}

/** The lenses of the newest job and of older jobs that are still running. */
function jobLenses(jobRanges: readonly JobRange[], offset: number, { job, now, texts }: LensInput): Lens[] {
  const known = jobRanges.flatMap((jobRange) => {
    const info = job(jobRange.jobId);
    return info ? [{ info, edited: jobRange.edited }] : [];
  });
  const running = known.filter(({ info }) => isRunning(info.state));
  if (running.length > MAX_CANCEL_LENSES) {
    const jobIds = running.map(({ info }) => info.id).reverse();
    return [{ offset, title: texts.jobs(running.length), action: 'jobs', jobIds }];
  }
  return known
    .filter(({ info }, index) => index === known.length - 1 || isRunning(info.state))
    .reverse()
    .map(({ info, edited }) => {
      const [action, title] = describe(info, now, texts);
      const text = edited && action !== 'cancel' ? `${title} · ${texts.edited}` : title;
      return { offset, title: text, action, jobId: info.id };
    });
}

function isRunning(state: JobState): boolean {
  return !['succeeded', 'failed', 'canceled', 'lost', 'finished'].includes(state);
}

function describe(info: JobInfo, now: number, texts: LensTexts): [LensAction, string] {
  const took =
    info.launchedAt === undefined || info.finishedAt === undefined ? '' : texts.span(info.finishedAt - info.launchedAt);
  const state = texts.state(info.state);
  switch (info.state) {
    case 'queued':
    case 'launching':
    case 'canceling':
    case 'unresponsive':
    case 'detached':
      return ['cancel', join(texts.cancel, state, elapsed(info, now))];
    case 'running':
      return ['cancel', join(texts.cancel, elapsed(info, now), percent(info))];
    case 'reading':
      return ['cancel', join(texts.cancel, elapsed(info, now), texts.readingRows)];
    case 'succeeded':
      return ['results', `✓ ${join(outcome(info, texts), took)} — ${texts.showResults}`];
    case 'failed':
      return ['details', `✗ ${shortened(info.error?.message ?? state)}`];
    case 'canceled':
      return ['details', `⊘ ${join(state, took)}`];
    case 'lost':
    case 'finished':
      return ['details', `? ${join(state, took)}`];
  }
}

/** `1,234 rows` for a query, `UPDATE · 3 rows` for a write, or only the command tag if there is no row count. */
function outcome({ commandTag = '', rowCount }: JobInfo, texts: LensTexts): string {
  if (rowCount === undefined) return commandTag;
  if (commandTag === 'SELECT') return texts.rows(rowCount);
  return rowCount === 0 ? commandTag : join(commandTag, texts.rows(rowCount));
}

/** `00:42`, `1:02:09`: the width does not change from tick to tick. */
export function clockText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const rest = `${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return hours === 0 ? rest : `${hours}:${rest}`;
}

function elapsed({ launchedAt }: JobInfo, now: number): string {
  return launchedAt === undefined ? '' : clockText(now - launchedAt);
}

function percent({ progress }: JobInfo): string {
  return progress ? join(`${progress.pct}%`, shortened(progress.message)) : '';
}

/** One line, without `$(…)`, which a lens would show as an icon. */
function shortened(message: string): string {
  const line = message.replace(/\s+/gu, ' ').replaceAll('$(', '$ (').trim();
  return line.length <= MAX_MESSAGE ? line : `${line.slice(0, MAX_MESSAGE - 1).trimEnd()}…`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function addTo<K>(map: Map<K, JobRange[]>, key: K, jobRange: JobRange): void {
  const list = map.get(key);
  if (list) list.push(jobRange);
  else map.set(key, [jobRange]);
}
