import * as vscode from 'vscode';
import { splitStatements, updateSplit, type SplitText, type TextChange } from '../../core/sql/statements';
import { Disposables } from '../disposables';
import { compose, envelope, type Edit } from './edits';

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

/** The statements of open documents: taken apart when first asked for, and from then on only where the text changed. */
export class StatementCache implements vscode.Disposable {
  readonly #entries = new Map<vscode.TextDocument, Entry>();
  readonly #disposables = new Disposables();

  constructor() {
    this.#disposables.add(
      vscode.workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        const entry = this.#entries.get(document);
        const change = entry && envelope(editsOf(contentChanges));
        if (entry && change) entry.pending = compose(entry.pending, change);
      }),
    );
    this.#disposables.add(vscode.workspace.onDidCloseTextDocument((document) => this.#entries.delete(document)));
  }

  get(document: vscode.TextDocument): Parsed {
    const known = this.#entries.get(document);
    if (known?.version === document.version) return known;
    const text = document.getText();
    const split = known?.pending ? updateSplit(known.split, [known.pending], text) : splitStatements(text);
    const entry = { text, split, version: document.version, pending: undefined };
    // A closed document fires no event that would remove it.
    if (!document.isClosed) this.#entries.set(document, entry);
    return entry;
  }

  dispose(): void {
    this.#disposables.dispose();
    this.#entries.clear();
  }
}

/** VS Code's changes; their offsets are those of the text before the event. */
export function editsOf(changes: readonly vscode.TextDocumentContentChangeEvent[]): Edit[] {
  return changes.map(({ rangeOffset, rangeLength, text }) => ({ start: rangeOffset, removed: rangeLength, text }));
}
