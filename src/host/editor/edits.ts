/** How places in a text move when the text is edited. All offsets are UTF-16 code units. */
import type { TextChange } from '../../core/sql/split/statements';

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A replacement, in the offsets of the text before it; those of one event do not overlap. */
export interface Edit {
  readonly start: number;
  readonly removed: number;
  readonly text: string;
}

export interface MovedSpan extends Span {
  /** Something in it was changed. What is typed right before or right behind it is not in it. */
  readonly touched: boolean;
  /** All of it was replaced or removed. */
  readonly gone: boolean;
}

/** Where a span is after an event's edits. */
export function moveSpan(span: Span, edits: readonly Edit[]): MovedSpan {
  let { start, end } = span;
  let touched = false;
  let gone = false;
  for (const edit of edits) {
    const to = edit.start + edit.removed;
    const delta = edit.text.length - edit.removed;
    if (to <= span.start) {
      start += delta;
      end += delta;
      continue;
    }
    if (edit.start >= span.end) continue;
    touched = true;
    if (edit.start <= span.start && to >= span.end) gone = true;
    // An edit across a border belongs to the span: its new text may continue what was there.
    if (edit.start < span.start) start += edit.start - span.start;
    end += to > span.end ? edit.start + edit.text.length - span.end : delta;
  }
  return { start, end, touched, gone };
}

/** The same through several events, each with its edits in the offsets of the text before it. */
export function moveThrough(span: Span, events: readonly (readonly Edit[])[]): MovedSpan {
  let moved: MovedSpan = { ...span, touched: false, gone: false };
  for (const edits of events) {
    const next = moveSpan(moved, edits);
    moved = { ...next, touched: moved.touched || next.touched, gone: moved.gone || next.gone };
  }
  return moved;
}

/** Several replacements as the one that encloses them all; undefined where there is none. */
export function envelope(edits: readonly Edit[]): TextChange | undefined {
  if (edits.length === 0) return undefined;
  let start = Infinity;
  let to = 0;
  let delta = 0;
  for (const edit of edits) {
    start = Math.min(start, edit.start);
    to = Math.max(to, edit.start + edit.removed);
    delta += edit.text.length - edit.removed;
  }
  return { start, removed: to - start, inserted: to - start + delta };
}

/** Two changes in a row as one, in the offsets of the text before the first. */
export function compose(first: TextChange | undefined, second: TextChange): TextChange {
  if (!first) return second;
  const delta = first.inserted - first.removed;
  const start = Math.min(first.start, second.start);
  // The end of both, in the text between them, and from there in the text before the first.
  const between = Math.max(first.start + first.inserted, second.start + second.removed);
  const removed = between - delta - start;
  return { start, removed, inserted: removed + delta + second.inserted - second.removed };
}

/** Keeps at most this many events; a lens is clicked seconds after it was made, not hours. */
const MAX_LOGGED_EVENTS = 500;

/** The latest edits of a document, by the version that each led to: finds a span of an earlier version again. */
export class EditLog {
  readonly #events: { readonly version: number; readonly edits: readonly Edit[] }[] = [];
  /** Everything that happened after this version is known. */
  #since: number;

  constructor(version: number) {
    this.#since = version;
  }

  /** @param version the document's version after the edits */
  add(version: number, edits: readonly Edit[]): void {
    this.#events.push({ version, edits });
    if (this.#events.length > MAX_LOGGED_EVENTS) this.#since = this.#events.shift()?.version ?? version;
  }

  /** @returns where a span of an earlier version is now, or undefined if that version is too old */
  find(span: Span, version: number): MovedSpan | undefined {
    if (version < this.#since) return undefined;
    const later = this.#events.filter((event) => event.version > version);
    return moveThrough(
      span,
      later.map(({ edits }) => edits),
    );
  }
}
