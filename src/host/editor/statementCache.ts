import * as vscode from 'vscode';
import { splitStatements, updateSplit, type SplitText, type TextChange } from '../../core/sql/split/statements';
import { Disposables } from '../base/disposables';
import { compose, EditLog, envelope, type Edit, type MovedSpan, type Span } from './edits';

/** A document's text, taken apart. */
export interface Parsed {
  readonly text: string;
  readonly split: SplitText;
}

interface Entry extends Parsed {
  readonly version: number;
  /** What was edited since; applied when somebody asks. */
  pending: TextChange | undefined;
}

/** How much text is remembered beside the document that was asked for last. In UTF-16 code units. */
const MOST_TEXT = 32_000_000;

/** The statements of open documents: taken apart when first asked for, and from then on only where the text changed. */
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

  /** Where a span of an earlier version of a document is now; undefined if that is not known. */
  moved(document: vscode.TextDocument, span: Span, version: number): MovedSpan | undefined {
    return this.#logs.get(document)?.find(span, version);
  }

  get(document: vscode.TextDocument): Parsed {
    if (!this.#logs.has(document)) this.#logs.set(document, new EditLog(document.version));
    const known = this.#entries.get(document);
    if (known?.version === document.version) return this.#keep(document, known);
    const text = document.getText();
    const split = known?.pending ? updateSplit(known.split, [known.pending], text) : splitStatements(text);
    const entry = { text, split, version: document.version, pending: undefined };
    // A closed document fires no event that would remove it.
    return document.isClosed ? entry : this.#keep(document, entry);
  }

  dispose(): void {
    this.#disposables.dispose();
    this.#entries.clear();
  }

  /** Remembers it as the one used last, and forgets those that were not used for longest where all are too much. */
  #keep(document: vscode.TextDocument, entry: Entry): Entry {
    this.#entries.delete(document);
    this.#entries.set(document, entry);
    let left = MOST_TEXT;
    for (const [other, { text }] of [...this.#entries].reverse()) {
      if (other !== document && (left -= text.length) < 0) this.#entries.delete(other);
    }
    return entry;
  }
}

/** VS Code's changes; their offsets are those of the text before the event. */
export function editsOf(changes: readonly vscode.TextDocumentContentChangeEvent[]): Edit[] {
  return changes.map(({ rangeOffset, rangeLength, text }) => ({ start: rangeOffset, removed: rangeLength, text }));
}
