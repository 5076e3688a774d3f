import * as vscode from 'vscode';
import { Disposables } from '../base/disposables';
import { statementAt } from '../../core/sql/split/statements';
import { moveSpan, type Edit, type Span } from './edits';
import type { StatementCache } from './statementCache';
import * as ui from '../base/ui';

/** The source of the entries, as shown in the Problems panel. */
export const SOURCE = 'pg_background';

/** The delay after which entries are moved while the user types. VS Code moves visible ones itself. Milliseconds. */
const MOVE_DELAY_MS = 300;
/** The maximum number of entries per document, because each is checked on every edit. */
const MAX_ENTRIES = 100;
/** The maximum distance of an edit that can change a statement without touching it, in UTF-16 code units. */
const MAX_DISTANCE = 1000;

export interface NewDiagnostic {
  readonly document: vscode.TextDocument;
  /** The entry is removed when this span changes. */
  readonly owner: Span;
  readonly mark: Span;
  readonly message: string;
  readonly severity: vscode.DiagnosticSeverity;
  readonly sqlstate?: string;
  /** The failed job, and whether a longer timeout may help. */
  readonly jobId?: string;
  readonly timedOut?: boolean;
  /** Whether running each statement as a separate job would help. */
  readonly runEach?: boolean;
}

interface Entry extends Omit<NewDiagnostic, 'document'> {
  owner: Span;
  mark: Span;
  /** The owner's text, by which it is found in a reopened file. */
  readonly text: string;
  /** The owner is a whole statement: text typed between it and its semicolon changes it too. */
  readonly whole: boolean;
  diagnostic: vscode.Diagnostic;
}

/** The entries in the Problems panel. Each is removed when its statement is edited or run again. */
export class EditorDiagnostics implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection(SOURCE);
  readonly #entries = new Map<string, Entry[]>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #disposables = new Disposables();

  readonly #cache: StatementCache;

  constructor(cache: StatementCache) {
    this.#cache = cache;

    this.#disposables.add(this.#collection);
  }

  add({ document, ...problem }: NewDiagnostic): void {
    const key = document.uri.toString();
    const known = this.#entries.get(key) ?? [];
    if (known.length >= MAX_ENTRIES) return;
    const text = document.getText(rangeOf(document, problem.owner));
    const whole = this.isStatement(document, problem.owner);
    const entry = { ...problem, text, whole, diagnostic: diagnosticOf(document, problem) };
    this.#entries.set(key, [...known, entry]);
    this.#show(document.uri);
  }

  /** Removes the entries of a span, because it is run again. */
  clear(uri: vscode.Uri, span: Span): void {
    this.#keep(uri, ({ owner }) => owner.end <= span.start || owner.start >= span.end);
  }

  /** Removes the entries of removed jobs. */
  forget(jobIds: readonly string[]): void {
    for (const key of this.#entries.keys()) {
      this.#keep(vscode.Uri.parse(key), ({ jobId }) => jobId === undefined || !jobIds.includes(jobId));
    }
  }

  /** Moves or removes entries after an edit. */
  edit(document: vscode.TextDocument, edits: readonly Edit[]): void {
    const key = document.uri.toString();
    const entries = this.#entries.get(key);
    if (!entries) return;
    let moved = false;
    const touched = new Set<Entry>();
    for (const entry of entries) {
      const owner = moveSpan(entry.owner, edits);
      // Whether the text really changed is checked when all entries have moved.
      if (owner.touched || isNear(entry.owner, edits)) touched.add(entry);
      if (owner.touched) continue;
      const shift = owner.start - entry.owner.start;
      if (shift === 0) continue;
      moved = true;
      entry.owner = { start: owner.start, end: owner.end };
      entry.mark = shifted(entry.mark, shift);
    }
    for (const entry of touched) {
      const { owner, text, whole } = entry;
      const same = document.getText(rangeOf(document, owner)) === text;
      if (same && (!whole || this.isStatement(document, owner))) touched.delete(entry);
    }
    if (touched.size > 0) {
      this.#refresh(document);
      this.#keep(document.uri, (entry) => !touched.has(entry));
    } else if (moved && !this.#timers.has(key)) {
      this.#timers.set(
        key,
        setTimeout(() => this.#refresh(document), MOVE_DELAY_MS),
      );
    }
  }

  /** Finds the entries of a reopened document, and removes those whose text no longer exists. */
  reopen(document: vscode.TextDocument): void {
    const entries = this.#entries.get(document.uri.toString());
    if (!entries) return;
    const text = document.getText();
    const lost = new Set<Entry>();
    for (const entry of entries) {
      if (text.startsWith(entry.text, entry.owner.start)) continue;
      const start = text.indexOf(entry.text);
      if (start < 0) lost.add(entry);
      entry.mark = shifted(entry.mark, start - entry.owner.start);
      entry.owner = { start, end: start + entry.text.length };
    }
    this.#keep(document.uri, (entry) => !lost.has(entry));
    this.#refresh(document);
  }

  /** Whether a span is exactly one statement, with or without its comments. */
  isStatement(document: vscode.TextDocument, { start, end }: Span): boolean {
    const { text, split } = this.#cache.get(document);
    const statement = statementAt(split, start, text);
    return statement?.end === end && (statement.start === start || statement.leadStart === start);
  }

  drop(uri: vscode.Uri): void {
    this.#keep(uri, () => false);
  }

  /** The job of a diagnostic about a timeout, found by its range, because all timeouts have the same message. */
  timedOutJob(uri: vscode.Uri, { message, range }: vscode.Diagnostic): string | undefined {
    return this.#entries
      .get(uri.toString())
      ?.find(
        ({ timedOut, diagnostic }) => timedOut && diagnostic.message === message && diagnostic.range.isEqual(range),
      )?.jobId;
  }

  /** Whether running each statement as a separate job would resolve a diagnostic. */
  needsRunEach(uri: vscode.Uri, { message, range }: vscode.Diagnostic): boolean {
    const entries = this.#entries.get(uri.toString()) ?? [];
    return entries.some(
      ({ runEach, diagnostic }) => runEach && diagnostic.message === message && diagnostic.range.isEqual(range),
    );
  }

  dispose(): void {
    for (const timer of this.#timers.values()) clearTimeout(timer);
    this.#disposables.dispose();
  }

  #refresh(document: vscode.TextDocument): void {
    const key = document.uri.toString();
    clearTimeout(this.#timers.get(key));
    this.#timers.delete(key);
    const entries = this.#entries.get(key);
    if (!entries || document.isClosed) return;
    for (const entry of entries) entry.diagnostic = diagnosticOf(document, entry);
    this.#show(document.uri);
  }

  #keep(uri: vscode.Uri, wanted: (entry: Entry) => boolean): void {
    const key = uri.toString();
    const entries = this.#entries.get(key);
    const kept = entries?.filter(wanted);
    if (!entries || !kept || kept.length === entries.length) return;
    if (kept.length > 0) this.#entries.set(key, kept);
    else this.#entries.delete(key);
    this.#show(uri);
  }

  #show(uri: vscode.Uri): void {
    this.#collection.set(
      uri,
      this.#entries.get(uri.toString())?.map(({ diagnostic }) => diagnostic),
    );
  }
}

export function rangeOf(document: vscode.TextDocument, { start, end }: Span): vscode.Range {
  return new vscode.Range(document.positionAt(start), document.positionAt(end));
}

function isNear({ start, end }: Span, edits: readonly Edit[]): boolean {
  return edits.some((edit) => edit.start - MAX_DISTANCE <= end && edit.start + edit.removed + MAX_DISTANCE >= start);
}

function shifted({ start, end }: Span, by: number): Span {
  return { start: start + by, end: end + by };
}

function diagnosticOf(document: vscode.TextDocument, problem: Omit<NewDiagnostic, 'document'>): vscode.Diagnostic {
  const diagnostic = ui.diagnostic(rangeOf(document, problem.mark), problem.message, problem.severity);
  diagnostic.source = SOURCE;
  if (problem.sqlstate) diagnostic.code = problem.sqlstate;
  return diagnostic;
}
