/** Which lenses a text has, and what they say. */
import type { JobInfo, JobState } from '../../api';
import type { SplitText, Statement } from '../../core/sql/split/statements';
import type { Span } from './edits';
import type { Origin } from './jobRanges';

/** The texts, in the user's language. */
export interface LensWords {
  readonly run: string;
  readonly cancel: string;
  readonly showResults: string;
  readonly edited: string;
  readonly readingRows: string;
  /** In front of the status of a job that is a whole file, or several statements. */
  readonly file: string;
  readonly selection: string;
  /** Runs one of several statements that begin on the same line. */
  runNamed(statement: string): string;
  /** Stands for several jobs of one statement that have not ended. */
  jobs(count: number): string;
  rows(count: number): string;
  span(ms: number): string;
  state(state: JobState): string;
}

/** What a lens does when it is clicked. */
export type LensAction = 'run' | 'cancel' | 'results' | 'details' | 'jobs';

export interface Lens {
  /** It stands over the line of this offset. */
  readonly offset: number;
  readonly title: string;
  readonly action: LensAction;
  readonly jobId?: string;
  /** The jobs of a `jobs` lens, the newest first. */
  readonly jobIds?: readonly string[];
}

export interface LensInput {
  readonly text: string;
  readonly split: SplitText;
  readonly origins: readonly Origin[];
  readonly job: (id: string) => JobInfo | undefined;
  readonly now: number;
  readonly words: LensWords;
  /** What is on screen. With more statements than {@link MOST_STATEMENTS} only those near it get lenses. */
  readonly visible: readonly Span[];
}

/** Beyond this many statements only what is on screen gets lenses, and what is around it. */
export const MOST_STATEMENTS = 400;
/** How many statements before and behind the visible ones. */
const AROUND = 50;
/** A message is cut: the whole one is a click away. */
const MOST_MESSAGE = 80;
/** A statement's name in a lens, in characters. */
const MAX_NAME = 30;
/** More jobs of one statement than this share a lens. */
const MAX_CANCEL_LENSES = 2;

/** Sorted by place. Where something runs, its "Cancel" stands in place of "Run in Background". */
export function lensesOf(input: LensInput): Lens[] {
  const { split, words, visible } = input;
  const { statements } = split;
  const byStatement = new Map<Statement, Origin[]>();
  const byPlace = new Map<number, Origin[]>();
  for (const origin of input.origins) {
    const statement = statementOf(origin, statements);
    if (statement) addTo(byStatement, statement, grown(origin, statement));
    else addTo(byPlace, origin.span.start, origin);
  }
  const lenses: Lens[] = [];
  for (const [offset, origins] of byPlace) {
    const { kind } = origins.at(-1) ?? {};
    const prefix = kind === 'file' ? words.file : words.selection;
    lenses.push(...jobLenses(origins, offset, input).map((lens) => ({ ...lens, title: `${prefix}: ${lens.title}` })));
  }
  const shown = statements.length <= MOST_STATEMENTS ? statements : near(statements, visible);
  for (const statement of new Set([...shown, ...byStatement.keys()])) {
    const own = jobLenses(byStatement.get(statement) ?? [], statement.start, input);
    const running = own.some(({ action }) => action === 'cancel' || action === 'jobs');
    const title = sharesLine(statement, split, input.text) ? words.runNamed(nameOf(statement, input.text)) : words.run;
    if (!running) lenses.push({ offset: statement.start, title, action: 'run' });
    lenses.push(...own);
  }
  return lenses.sort((a, b) => a.offset - b.offset);
}

/** Whether another statement begins on the same line, so that both have their lenses side by side. */
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

/** How a statement begins, on one line. */
function nameOf({ start, end }: Statement, text: string): string {
  const name = shortened(text.slice(start, Math.min(end, start + 4 * MAX_NAME)));
  return name.length <= MAX_NAME ? name : `${name.slice(0, MAX_NAME - 1).trimEnd()}…`;
}

/** The statements on screen and some around them, so that scrolling a little finds lenses there. */
function near(statements: readonly Statement[], visible: readonly Span[]): Statement[] {
  const found = new Set<Statement>();
  for (const { start, end } of visible) {
    const first = firstEndingFrom(statements, start);
    const last = firstEndingFrom(statements, end);
    const from = Math.max(0, first - AROUND);
    for (const statement of statements.slice(from, Math.min(last + AROUND, from + MOST_STATEMENTS))) {
      found.add(statement);
    }
  }
  return [...found];
}

/** The index of the first statement that ends at or behind an offset. */
function firstEndingFrom(statements: readonly Statement[], offset: number): number {
  let low = 0;
  let high = statements.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((statements[middle]?.end ?? Infinity) < offset) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The one statement that an origin is; undefined where it is several, or the whole file. */
function statementOf(origin: Origin, statements: readonly Statement[]): Statement | undefined {
  if (origin.kind === 'file') return undefined;
  const { start, end } = origin.span;
  const first = firstEndingFrom(statements, start + 1);
  const statement = statements[first];
  if (!statement || statement.start >= end) return undefined;
  const next = statements[first + 1];
  return origin.kind === 'selection' && next && next.start < end ? undefined : statement;
}

/** What was typed right behind a statement changes it too, though nothing in it was edited. */
function grown(origin: Origin, statement: Statement): Origin {
  if (origin.edited || origin.kind !== 'statement' || origin.span.end === statement.end) return origin;
  return { ...origin, edited: true };
}

/** The newest job, and older ones that still run. */
function jobLenses(origins: readonly Origin[], offset: number, { job, now, words }: LensInput): Lens[] {
  const known = origins.flatMap((origin) => {
    const info = job(origin.jobId);
    return info ? [{ info, edited: origin.edited }] : [];
  });
  const living = known.filter(({ info }) => isLiving(info.state));
  if (living.length > MAX_CANCEL_LENSES) {
    const jobIds = living.map(({ info }) => info.id).reverse();
    return [{ offset, title: words.jobs(living.length), action: 'jobs', jobIds }];
  }
  return known
    .filter(({ info }, index) => index === known.length - 1 || isLiving(info.state))
    .reverse()
    .map(({ info, edited }) => {
      const [action, title] = describe(info, now, words);
      const text = edited && action !== 'cancel' ? `${title} · ${words.edited}` : title;
      return { offset, title: text, action, jobId: info.id };
    });
}

function isLiving(state: JobState): boolean {
  return !['succeeded', 'failed', 'canceled', 'lost', 'finished'].includes(state);
}

function describe(info: JobInfo, now: number, words: LensWords): [LensAction, string] {
  const took =
    info.launchedAt === undefined || info.finishedAt === undefined ? '' : words.span(info.finishedAt - info.launchedAt);
  const state = words.state(info.state);
  switch (info.state) {
    case 'queued':
    case 'launching':
    case 'canceling':
    case 'unresponsive':
    case 'detached':
      return ['cancel', join(words.cancel, state, elapsed(info, now))];
    case 'running':
      return ['cancel', join(words.cancel, elapsed(info, now), percent(info))];
    case 'reading':
      return ['cancel', join(words.cancel, elapsed(info, now), words.readingRows)];
    case 'succeeded':
      return ['results', `✓ ${join(outcome(info, words), took)} — ${words.showResults}`];
    case 'failed':
      return ['details', `✗ ${shortened(info.error?.message ?? state)}`];
    case 'canceled':
      return ['details', `⊘ ${join(state, took)}`];
    case 'lost':
    case 'finished':
      return ['details', `? ${join(state, took)}`];
  }
}

/** `1,234 rows` of a query, `UPDATE · 3 rows` of a write, the command's tag where there are none. */
function outcome({ commandTag = '', rowCount }: JobInfo, words: LensWords): string {
  if (rowCount === undefined) return commandTag;
  if (commandTag === 'SELECT') return words.rows(rowCount);
  return rowCount === 0 ? commandTag : join(commandTag, words.rows(rowCount));
}

/** `00:42`, `1:02:09`: of the same width from tick to tick. */
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

/** One line, without what a lens would read as an icon: `$(…)`. */
function shortened(message: string): string {
  const line = message.replace(/\s+/gu, ' ').replaceAll('$(', '$ (').trim();
  return line.length <= MOST_MESSAGE ? line : `${line.slice(0, MOST_MESSAGE - 1).trimEnd()}…`;
}

function join(...parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(' · ');
}

function addTo<K>(map: Map<K, Origin[]>, key: K, origin: Origin): void {
  const list = map.get(key);
  if (list) list.push(origin);
  else map.set(key, [origin]);
}
