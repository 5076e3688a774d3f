/** Tracks the ranges that jobs were launched from, while their documents are edited. */
import { moveSpan, moveThrough, type Edit, type MovedSpan, type Span } from './edits';
import type { RunnableRange } from './runnableRanges';

/** Limits of the edits kept per document. Beyond them, parts of a launched range can no longer be traced. */
const MAX_EVENTS = 20_000;
const MAX_CHARACTERS = 20_000_000;

/** A range of a document that was launched as a job. */
export interface JobRange {
  readonly jobId: string;
  /** The document's URI. */
  readonly document: string;
  readonly kind: RunnableRange['kind'];
  /** The text as it was launched, before variables were replaced. */
  readonly text: string;
  /** The start of the range at the launch. */
  readonly launchedAt: number;
  /** Maps an offset in the SQL that was sent to one in {@link text}. */
  readonly sourceOffset: (offset: number) => number | undefined;
  /** The current span. */
  readonly span: Span;
  /** Whether the text has changed since the launch. */
  readonly edited: boolean;
}

type Entry = { -readonly [K in keyof JobRange]: JobRange[K] };

interface Tracked {
  readonly entry: Entry;
  /** Removed from the document; restored when its text reappears. */
  gone: boolean;
  /** The index of the first event in the document's log after the launch; undefined once the job has ended. */
  since: number | undefined;
}

interface TrackedDocument {
  /** By job id, or by the key of a pending range. */
  readonly ranges: Map<string, Tracked>;
  /** The edits since the first launch that has not ended. */
  log: (readonly Edit[])[];
  characters: number;
}

/** Identifies a range that is tracked before its launch. */
export interface PendingRange {
  readonly document: string;
  readonly key: string;
}

export interface LaunchedRange {
  readonly jobId: string;
  readonly pending: PendingRange;
  readonly sourceOffset?: (offset: number) => number;
}

/** The range of a job from before a reload. */
export interface RestoredRange {
  readonly jobId: string;
  readonly document: string;
  readonly kind: RunnableRange['kind'];
  readonly text: string;
  readonly start: number;
  /** The text was sent unchanged, so offsets in it and in the SQL are the same. */
  readonly verbatim: boolean;
}

/** The ranges of all jobs. The caller reports every edit. */
export class JobRanges {
  readonly #byDocument = new Map<string, TrackedDocument>();
  #lastPending = 0;

  /** Tracks a range before its launch, because the document may be edited while the user is asked or other jobs run. */
  follow(document: string, { kind, text, start, end }: RunnableRange): PendingRange {
    const key = `pending ${++this.#lastPending}`;
    const sourceOffset = (offset: number): number => offset;
    const entry = {
      jobId: '',
      document,
      kind,
      text,
      launchedAt: start,
      sourceOffset,
      span: { start, end },
      edited: false,
    };
    this.#track(document, key, entry);
    return { document, key };
  }

  /** Assigns a pending range to its job. */
  add({ jobId, pending: { document, key }, sourceOffset }: LaunchedRange): void {
    const ranges = this.#byDocument.get(document)?.ranges;
    const tracked = ranges?.get(key);
    if (!ranges || !tracked) return;
    ranges.delete(key);
    tracked.entry.jobId = jobId;
    if (sourceOffset) tracked.entry.sourceOffset = sourceOffset;
    ranges.set(jobId, tracked);
  }

  /** Tracks the range of a job from before a reload. {@link reopen} checks whether its text still exists. */
  restore({ jobId, document, kind, text, start, verbatim }: RestoredRange): void {
    const span = { start, end: start + text.length };
    const sourceOffset = (offset: number): number | undefined => (verbatim ? offset : undefined);
    this.#track(document, jobId, { jobId, document, kind, text, launchedAt: start, sourceOffset, span, edited: false });
    this.settle(jobId);
  }

  /** The current state of a pending range. */
  pending({ document, key }: PendingRange): JobRange | undefined {
    return this.#byDocument.get(document)?.ranges.get(key)?.entry;
  }

  /** Stops tracking a pending range. Does nothing if it was launched. */
  release({ document, key }: PendingRange): void {
    this.#delete(document, [key]);
  }

  /** The job ranges of a document that exist in its text, in the order of their launch. */
  of(document: string): JobRange[] {
    return [...(this.#byDocument.get(document)?.ranges.values() ?? [])].flatMap(({ gone, entry }) =>
      gone || entry.jobId === '' ? [] : [entry],
    );
  }

  get(jobId: string): JobRange | undefined {
    const tracked = this.#find(jobId);
    return tracked && !tracked.gone ? tracked.entry : undefined;
  }

  /** Whether no later job was launched from an overlapping range. */
  isNewest(jobId: string): boolean {
    const own = this.get(jobId);
    if (!own) return false;
    const all = this.of(own.document);
    const later = all.slice(all.findIndex((range) => range.jobId === jobId) + 1);
    return !later.some(({ span }) => span.start < own.span.end && span.end > own.span.start);
  }

  /** Finds the current span of a part of a launched text. @returns undefined if the edits are no longer known */
  trace(jobId: string, part: Span): MovedSpan | undefined {
    const tracked = this.#find(jobId);
    if (tracked?.since === undefined) return undefined;
    const { launchedAt, document } = tracked.entry;
    const log = this.#byDocument.get(document)?.log ?? [];
    return moveThrough({ start: launchedAt + part.start, end: launchedAt + part.end }, log.slice(tracked.since));
  }

  /** Stops keeping edits for a job: only its range as a whole is tracked from now on. */
  settle(jobId: string): void {
    const tracked = this.#find(jobId);
    if (tracked) tracked.since = undefined;
  }

  /** Assigns a rerun to the range of the first job. @param prefix the length of what precedes the SQL of the first job in that of the rerun */
  repeat(jobId: string, newJobId: string, prefix = 0): void {
    const tracked = this.#find(jobId);
    if (!tracked || tracked.gone || tracked.entry.edited) return;
    const { entry } = tracked;
    const sourceOffset = (offset: number): number | undefined =>
      offset < prefix ? undefined : entry.sourceOffset(offset - prefix);
    this.#track(entry.document, newJobId, { ...entry, jobId: newJobId, launchedAt: entry.span.start, sourceOffset });
  }

  forget(jobIds: readonly string[]): void {
    for (const document of this.#byDocument.keys()) this.#delete(document, jobIds);
  }

  /** Forgets a document that cannot be opened again. */
  drop(document: string): void {
    this.#byDocument.delete(document);
  }

  /** Applies the edits of an event. @param slice reads the document's text after the event */
  edit(document: string, edits: readonly Edit[], slice: (span: Span) => string): void {
    const known = this.#byDocument.get(document);
    if (!known) return;
    log(known, edits);
    for (const tracked of known.ranges.values()) {
      const { entry } = tracked;
      const moved = tracked.gone ? undefined : moveSpan(entry.span, edits);
      if (moved && !moved.gone) {
        entry.span = { start: moved.start, end: moved.end };
        if (moved.touched) entry.edited = !hasText(entry.text, entry.span, slice);
        continue;
      }
      this.#findMoved(tracked, edits);
    }
  }

  /** Finds the ranges of a reopened document, which may have changed while it was closed. */
  reopen(document: string, getText: () => string): void {
    const known = this.#byDocument.get(document);
    if (!known) return;
    const text = getText();
    for (const tracked of known.ranges.values()) {
      const { entry } = tracked;
      if (!tracked.gone && text.startsWith(entry.text, entry.span.start)) continue;
      tracked.since = undefined;
      this.#moveTo(tracked, text.indexOf(entry.text));
    }
  }

  /** Looks for a removed range in the inserted texts: it was pasted elsewhere, or the whole document was replaced. */
  #findMoved(tracked: Tracked, edits: readonly Edit[]): void {
    let shift = 0;
    for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
      const at = edit.text.length < tracked.entry.text.length ? -1 : edit.text.indexOf(tracked.entry.text);
      if (at >= 0) {
        this.#moveTo(tracked, edit.start + shift + at);
        return;
      }
      shift += edit.text.length - edit.removed;
    }
    this.#moveTo(tracked, -1);
  }

  #moveTo(tracked: Tracked, start: number): void {
    const { entry } = tracked;
    tracked.gone = start < 0;
    if (start < 0) return;
    entry.span = { start, end: start + entry.text.length };
    entry.edited = false;
  }

  #find(jobId: string): Tracked | undefined {
    for (const { ranges } of this.#byDocument.values()) {
      const found = ranges.get(jobId);
      if (found) return found;
    }
    return undefined;
  }

  #track(document: string, key: string, entry: Entry): void {
    let known = this.#byDocument.get(document);
    if (!known) this.#byDocument.set(document, (known = { ranges: new Map(), log: [], characters: 0 }));
    known.ranges.set(key, { entry, gone: false, since: known.log.length });
  }

  #delete(document: string, keys: readonly string[]): void {
    const ranges = this.#byDocument.get(document)?.ranges;
    for (const key of keys) ranges?.delete(key);
    if (ranges?.size === 0) this.#byDocument.delete(document);
  }
}

/** Keeps an event for the jobs that have not ended, in one log per document. */
function log(known: TrackedDocument, edits: readonly Edit[]): void {
  const all = [...known.ranges.values()];
  if (all.every(({ since }) => since === undefined)) {
    known.log = [];
    known.characters = 0;
    return;
  }
  known.log.push(edits);
  for (const { text } of edits) known.characters += text.length;
  if (known.log.length <= MAX_EVENTS && known.characters <= MAX_CHARACTERS) return;
  for (const tracked of all) tracked.since = undefined;
  known.log = [];
  known.characters = 0;
}

function hasText(text: string, span: Span, slice: (span: Span) => string): boolean {
  return span.end - span.start === text.length && slice(span) === text;
}
