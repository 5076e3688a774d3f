/** Moves spans of a text when the text is edited. All offsets are UTF-16 code units. */
import type { TextChange } from '../../core/sql/split/splitTypes';

export interface Span {
  readonly start: number;
  readonly end: number;
}

/** A replacement, in offsets of the text before the event. The edits of one event do not overlap. */
export interface Edit {
  readonly start: number;
  readonly removed: number;
  readonly text: string;
}

export interface MovedSpan extends Span {
  /** Something in the span changed. Text typed directly before or after the span is not part of it. */
  readonly touched: boolean;
  /** The whole span was replaced or removed. */
  readonly gone: boolean;
}

/** The span after the edits of one event. */
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
    // An edit across the border of the span extends it: the new text may continue the old one.
    if (edit.start < span.start) start += edit.start - span.start;
    end += to > span.end ? edit.start + edit.text.length - span.end : delta;
  }
  return { start, end, touched, gone };
}

/** The span after several events. */
export function moveThrough(span: Span, events: readonly (readonly Edit[])[]): MovedSpan {
  let moved: MovedSpan = { ...span, touched: false, gone: false };
  for (const edits of events) {
    const next = moveSpan(moved, edits);
    moved = { ...next, touched: moved.touched || next.touched, gone: moved.gone || next.gone };
  }
  return moved;
}

/** The smallest replacement that covers all edits; undefined if there are none. */
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

/** Combines two consecutive changes into one, in offsets of the text before the first. */
export function compose(first: TextChange | undefined, second: TextChange): TextChange {
  if (!first) return second;
  const delta = first.inserted - first.removed;
  const start = Math.min(first.start, second.start);
  // The end of both changes, in the text between them.
  const between = Math.max(first.start + first.inserted, second.start + second.removed);
  const removed = between - delta - start;
  return { start, removed, inserted: removed + delta + second.inserted - second.removed };
}

/** The number of events kept. A lens is clicked seconds after it was made, so a few are enough. */
const MAX_LOGGED_EVENTS = 500;

/** The latest edits of a document, which map a span of an earlier version to the current one. */
export class EditLog {
  readonly #events: { readonly version: number; readonly edits: readonly Edit[] }[] = [];
  /** All edits after this version are known. */
  #since: number;

  constructor(version: number) {
    this.#since = version;
  }

  /** @param version the document's version after the edits */
  add(version: number, edits: readonly Edit[]): void {
    this.#events.push({ version, edits });
    if (this.#events.length > MAX_LOGGED_EVENTS) this.#since = this.#events.shift()?.version ?? version;
  }

  /** Maps a span of an earlier version to the current one. @returns undefined if that version is too old */
  find(span: Span, version: number): MovedSpan | undefined {
    if (version < this.#since) return undefined;
    const later = this.#events.filter((event) => event.version > version);
    return moveThrough(
      span,
      later.map(({ edits }) => edits),
    );
  }
}
