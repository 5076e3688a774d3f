/** Which job came from which place of which text, while that text is edited. */
import { moveSpan, moveThrough, type Edit, type MovedSpan, type Span } from './edits';
import type { Piece } from './runnableRanges';

/** More than this of a document's edits is not kept: what was typed since a launch then counts as having touched it. */
const MOST_EVENTS = 20_000;
const MOST_CHARACTERS = 20_000_000;

/** A part of a document that was launched as a job. */
export interface Origin {
  readonly jobId: string;
  /** The document's URI. */
  readonly document: string;
  readonly kind: Piece['kind'];
  /** The part as it was launched, before its variables had values. */
  readonly text: string;
  /** Where it began when it was launched. */
  readonly launchedAt: number;
  /** The offset in {@link text} of an offset in the SQL that was sent. */
  readonly sourceOffset: (offset: number) => number | undefined;
  /** Where it is now. */
  readonly span: Span;
  /** Its text is another one now. */
  readonly edited: boolean;
}

type Entry = { -readonly [K in keyof Origin]: Origin[K] };

interface Kept {
  readonly entry: Entry;
  /** It was cut out; it comes back when its text does. */
  gone: boolean;
  /** Its text was taken before this event of the document's log; undefined once the job has ended. */
  since: number | undefined;
}

/** What is known of one document. */
interface Followed {
  readonly kept: Map<string, Kept>;
  /** What was edited since the first launch that has not ended. */
  log: (readonly Edit[])[];
  characters: number;
}

/** A part of a document that is about to be launched, and is followed until then. */
export interface Place {
  readonly document: string;
  readonly key: string;
}

export interface NewOrigin {
  readonly jobId: string;
  readonly place: Place;
  readonly sourceOffset?: (offset: number) => number;
}

/** A job of before a reload, and where its text was. */
export interface KnownOrigin {
  readonly jobId: string;
  readonly document: string;
  readonly kind: Piece['kind'];
  readonly text: string;
  readonly start: number;
  /** The text was sent as it is, so that offsets in the two are the same. */
  readonly verbatim: boolean;
}

/** All origins. It knows texts only by what it is told. */
export class Origins {
  readonly #byDocument = new Map<string, Followed>();
  #places = 0;

  /** Follows a part of a document from now on: questions and other jobs may come before its launch, and edits with them. */
  follow(document: string, { kind, text, start, end }: Piece): Place {
    const key = `place ${++this.#places}`;
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
    this.#keep(document, key, entry);
    return { document, key };
  }

  /** The part was launched. */
  add({ jobId, place: { document, key }, sourceOffset }: NewOrigin): void {
    const kept = this.#byDocument.get(document)?.kept;
    const one = kept?.get(key);
    if (!kept || !one) return;
    kept.delete(key);
    one.entry.jobId = jobId;
    if (sourceOffset) one.entry.sourceOffset = sourceOffset;
    kept.set(jobId, one);
  }

  /** Follows the text of a job again. Whether it is still there shows once the document is open: see {@link reopen}. */
  restore({ jobId, document, kind, text, start, verbatim }: KnownOrigin): void {
    const span = { start, end: start + text.length };
    const sourceOffset = (offset: number): number | undefined => (verbatim ? offset : undefined);
    this.#keep(document, jobId, { jobId, document, kind, text, launchedAt: start, sourceOffset, span, edited: false });
    this.settle(jobId);
  }

  /** A part that is about to be launched, as it is now. */
  pending({ document, key }: Place): Origin | undefined {
    return this.#byDocument.get(document)?.kept.get(key)?.entry;
  }

  /** The part was not launched after all. */
  release({ document, key }: Place): void {
    this.#delete(document, [key]);
  }

  /** Those of a document whose place is known, in the order of their launch. */
  of(document: string): Origin[] {
    return [...(this.#byDocument.get(document)?.kept.values() ?? [])].flatMap(({ gone, entry }) =>
      gone || entry.jobId === '' ? [] : [entry],
    );
  }

  get(jobId: string): Origin | undefined {
    const kept = this.#find(jobId);
    return kept && !kept.gone ? kept.entry : undefined;
  }

  /** True if no later job came from an overlapping part of the document. */
  isNewest(jobId: string): boolean {
    const own = this.get(jobId);
    if (!own) return false;
    const all = this.of(own.document);
    const later = all.slice(all.findIndex((one) => one.jobId === jobId) + 1);
    return !later.some(({ span }) => span.start < own.span.end && span.end > own.span.start);
  }

  /** A part of an origin's text as it was launched, and where that is now; undefined where edits are no longer known. */
  trace(jobId: string, part: Span): MovedSpan | undefined {
    const kept = this.#find(jobId);
    if (kept?.since === undefined) return undefined;
    const { launchedAt, document } = kept.entry;
    const log = this.#byDocument.get(document)?.log ?? [];
    return moveThrough({ start: launchedAt + part.start, end: launchedAt + part.end }, log.slice(kept.since));
  }

  /** From now on only the origin's place as a whole is of interest. */
  settle(jobId: string): void {
    const kept = this.#find(jobId);
    if (kept) kept.since = undefined;
  }

  /** A rerun is of the same place. */
  repeat(jobId: string, newJobId: string): void {
    const kept = this.#find(jobId);
    if (!kept || kept.gone || kept.entry.edited) return;
    const { entry } = kept;
    this.#keep(entry.document, newJobId, { ...entry, jobId: newJobId, launchedAt: entry.span.start });
  }

  forget(jobIds: readonly string[]): void {
    for (const document of this.#byDocument.keys()) this.#delete(document, jobIds);
  }

  /** Forgets a document that cannot be opened again. */
  drop(document: string): void {
    this.#byDocument.delete(document);
  }

  /** Follows an event. @param slice the document's text after it */
  edit(document: string, edits: readonly Edit[], slice: (span: Span) => string): void {
    const followed = this.#byDocument.get(document);
    if (!followed) return;
    log(followed, edits);
    for (const kept of followed.kept.values()) {
      const { entry } = kept;
      const moved = kept.gone ? undefined : moveSpan(entry.span, edits);
      if (moved && !moved.gone) {
        entry.span = { start: moved.start, end: moved.end };
        if (moved.touched) entry.edited = !is(entry.text, entry.span, slice);
        continue;
      }
      this.#lookFor(kept, edits);
    }
  }

  /** A document is open again: it may have been changed by others. Each origin is where its text is now, or nowhere. */
  reopen(document: string, getText: () => string): void {
    const followed = this.#byDocument.get(document);
    if (!followed) return;
    const text = getText();
    for (const kept of followed.kept.values()) {
      const { entry } = kept;
      if (!kept.gone && text.startsWith(entry.text, entry.span.start)) continue;
      kept.since = undefined;
      this.#place(kept, text.indexOf(entry.text));
    }
  }

  /** Looks for a cut text in what an event brought: it was moved, pasted elsewhere, or the whole text was replaced. */
  #lookFor(kept: Kept, edits: readonly Edit[]): void {
    let shift = 0;
    for (const edit of edits.toSorted((a, b) => a.start - b.start)) {
      const at = edit.text.length < kept.entry.text.length ? -1 : edit.text.indexOf(kept.entry.text);
      if (at >= 0) {
        this.#place(kept, edit.start + shift + at);
        return;
      }
      shift += edit.text.length - edit.removed;
    }
    this.#place(kept, -1);
  }

  #place(kept: Kept, start: number): void {
    const { entry } = kept;
    kept.gone = start < 0;
    if (start < 0) return;
    entry.span = { start, end: start + entry.text.length };
    entry.edited = false;
  }

  #find(jobId: string): Kept | undefined {
    for (const { kept } of this.#byDocument.values()) {
      const found = kept.get(jobId);
      if (found) return found;
    }
    return undefined;
  }

  #keep(document: string, key: string, entry: Entry): void {
    let followed = this.#byDocument.get(document);
    if (!followed) this.#byDocument.set(document, (followed = { kept: new Map(), log: [], characters: 0 }));
    followed.kept.set(key, { entry, gone: false, since: followed.log.length });
  }

  #delete(document: string, keys: readonly string[]): void {
    const kept = this.#byDocument.get(document)?.kept;
    for (const key of keys) kept?.delete(key);
    if (kept?.size === 0) this.#byDocument.delete(document);
  }
}

/** Keeps an event for those that have not ended; one log a document, however many they are. */
function log(followed: Followed, edits: readonly Edit[]): void {
  const all = [...followed.kept.values()];
  if (all.every(({ since }) => since === undefined)) {
    followed.log = [];
    followed.characters = 0;
    return;
  }
  followed.log.push(edits);
  for (const { text } of edits) followed.characters += text.length;
  if (followed.log.length <= MOST_EVENTS && followed.characters <= MOST_CHARACTERS) return;
  for (const kept of all) kept.since = undefined;
  followed.log = [];
  followed.characters = 0;
}

function is(text: string, span: Span, slice: (span: Span) => string): boolean {
  return span.end - span.start === text.length && slice(span) === text;
}
