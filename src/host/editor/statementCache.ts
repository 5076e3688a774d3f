import * as vscode from 'vscode';
import { splitStatements, updateSplit } from '../../core/sql/split/statements';
import type { ParsedText, TextChange } from '../../core/sql/split/splitTypes';
import { Disposables } from '../base/disposables';
import { compose, EditLog, envelope, type Edit, type MovedSpan, type Span } from './edits';

interface Entry extends ParsedText {
  readonly version: number;
  /** The edits since the split; applied on the next request. */
  pending: TextChange | undefined;
}

/** The maximum length of all cached texts except the most recent one, in UTF-16 code units. */
const MAX_CACHED_TEXT = 32_000_000;

/** Caches the statements of open documents. After an edit, only the changed part is split again. */
export class StatementCache implements vscode.Disposable {
  readonly #entries = new Map<vscode.TextDocument, Entry>();
  readonly #logs = new WeakMap<vscode.TextDocument, EditLog>();
  readonly #disposables = new Disposables();

  constructor() {
    this.#disposables.add(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.#logs.get(document)?.add(document.version, editsOf(contentChanges));
        const entry = this.#entries.get(document);
        const change = entry && envelope(editsOf(contentChanges));
        if (entry && change) entry.pending = compose(entry.pending, change);
      }),
    );
    this.#disposables.add(vscode.workspace.onDidCloseTextDocument((document) => this.#entries.delete(document)));
  }

  /** Maps a span of an earlier version of a document to the current one. @returns undefined if the edits are no longer known */
  moved(document: vscode.TextDocument, span: Span, version: number): MovedSpan | undefined {
    return this.#logs.get(document)?.find(span, version);
  }

  get(document: vscode.TextDocument): ParsedText {
    if (!this.#logs.has(document)) this.#logs.set(document, new EditLog(document.version));
    const known = this.#entries.get(document);
    if (known?.version === document.version) return this.#keep(document, known);
    const text = document.getText();
    const split = known?.pending ? updateSplit(known.split, [known.pending], text) : splitStatements(text);
    const entry = { text, split, version: document.version, pending: undefined };
    // A closed document is not cached, because no event would remove it.
    return document.isClosed ? entry : this.#keep(document, entry);
  }

  dispose(): void {
    this.#disposables.dispose();
    this.#entries.clear();
  }

  /** Caches an entry as the most recent one, and removes the least recent ones beyond the limit. */
  #keep(document: vscode.TextDocument, entry: Entry): Entry {
    this.#entries.delete(document);
    this.#entries.set(document, entry);
    let left = MAX_CACHED_TEXT;
    for (const [other, { text }] of [...this.#entries].reverse()) {
      if (other !== document && (left -= text.length) < 0) this.#entries.delete(other);
    }
    return entry;
  }
}

/** Converts VS Code's changes, whose offsets are those of the text before the event. */
export function editsOf(changes: readonly vscode.TextDocumentContentChangeEvent[]): Edit[] {
  return changes.map(({ rangeOffset, rangeLength, text }) => ({ start: rangeOffset, removed: rangeLength, text }));
}
