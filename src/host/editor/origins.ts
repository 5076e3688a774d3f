/** Which job came from which place of which text, while that text is edited. */
import { moveSpan, moveThrough, type Edit, type MovedSpan, type Span } from './edits';
import type { Piece } from './pieces';

/** More events than this are not kept for one job: what was typed since its launch then counts as having touched it. */
const MOST_EVENTS = 20_000;

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
  readonly sourceOffset: (offset: number) => number;
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
  /** What was edited since its launch, until the job has ended; undefined from then on. */
  events: (readonly Edit[])[] | undefined;
}

export interface NewOrigin {
  readonly jobId: string;
  readonly document: string;
  readonly piece: Piece;
  readonly sourceOffset?: (offset: number) => number;
}

/** All origins. It knows texts only by what it is told. */
export class Origins {
  readonly #byDocument = new Map<string, Map<string, Kept>>();

  add({ jobId, document, piece, sourceOffset = (offset) => offset }: NewOrigin): void {
    const { kind, text, start, end } = piece;
    const entry = { jobId, document, kind, text, launchedAt: start, sourceOffset, span: { start, end }, edited: false };
    this.#in(document).set(jobId, { entry, gone: false, events: [] });
  }

  /** Those of a document whose place is known, in the order of their launch. */
  of(document: string): Origin[] {
    return [...(this.#byDocument.get(document)?.values() ?? [])].flatMap(({ gone, entry }) => (gone ? [] : [entry]));
  }

  get(jobId: string): Origin | undefined {
    const kept = this.#find(jobId);
    return kept && !kept.gone ? kept.entry : undefined;
  }

  /** A part of an origin's text as it was launched, and where that is now; undefined where edits are no longer known. */
  trace(jobId: string, part: Span): MovedSpan | undefined {
    const kept = this.#find(jobId);
    if (!kept?.events) return undefined;
    const { launchedAt } = kept.entry;
    return moveThrough({ start: launchedAt + part.start, end: launchedAt + part.end }, kept.events);
  }

  /** From now on only the origin's place as a whole is of interest. */
  settle(jobId: string): void {
    const kept = this.#find(jobId);
    if (kept) kept.events = undefined;
  }

  /** A rerun is of the same place. */
  repeat(jobId: string, newJobId: string): void {
    const kept = this.#find(jobId);
    if (!kept || kept.gone || kept.entry.edited) return;
    const { entry } = kept;
    const again = { ...entry, jobId: newJobId, launchedAt: entry.span.start };
    this.#in(entry.document).set(newJobId, { entry: again, gone: false, events: [] });
  }

  forget(jobIds: readonly string[]): void {
    for (const [document, kept] of this.#byDocument) {
      for (const id of jobIds) kept.delete(id);
      if (kept.size === 0) this.#byDocument.delete(document);
    }
  }

  /** Forgets a document that cannot be opened again. */
  drop(document: string): void {
    this.#byDocument.delete(document);
  }

  /** Follows an event. @param slice the document's text after it */
  edit(document: string, edits: readonly Edit[], slice: (span: Span) => string): void {
    for (const kept of this.#byDocument.get(document)?.values() ?? []) {
      if (kept.events && kept.events.push(edits) > MOST_EVENTS) kept.events = undefined;
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
    const origins = this.#byDocument.get(document);
    if (!origins) return;
    const text = getText();
    for (const kept of origins.values()) {
      const { entry } = kept;
      if (!kept.gone && text.startsWith(entry.text, entry.span.start)) continue;
      kept.events = undefined;
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
    for (const kept of this.#byDocument.values()) {
      const found = kept.get(jobId);
      if (found) return found;
    }
    return undefined;
  }

  #in(document: string): Map<string, Kept> {
    let kept = this.#byDocument.get(document);
    if (!kept) this.#byDocument.set(document, (kept = new Map<string, Kept>()));
    return kept;
  }
}

function is(text: string, span: Span, slice: (span: Span) => string): boolean {
  return span.end - span.start === text.length && slice(span) === text;
}
