import * as vscode from 'vscode';
import { Disposables } from '../base/disposables';
import { statementAt } from '../../core/sql/split/statements';
import { moveSpan, type Edit, type Span } from './edits';
import type { StatementCache } from './statementCache';
import * as ui from '../base/ui';

/** What the Problems panel says where these entries come from. */
export const SOURCE = 'pg_background';

/** Entries follow the text while it is typed, after a moment: VS Code moves what is on screen by itself. Milliseconds. */
const FOLLOW_MS = 300;
/** More entries than this of one document are not made: nobody reads them, and each is looked at with every edit. */
const MOST_ENTRIES = 100;
/** Only an edit that is as near as this can make another statement of one without touching it. In UTF-16 code units. */
const NEAR = 1000;

export interface NewProblem {
  readonly document: vscode.TextDocument;
  /** The entry stands as long as this part is unchanged. */
  readonly owner: Span;
  readonly mark: Span;
  readonly message: string;
  readonly severity: vscode.DiagnosticSeverity;
  readonly sqlstate?: string;
  /** The job that failed, and whether a longer timeout may help. */
  readonly jobId?: string;
  readonly timedOut?: boolean;
  /** It would work if each statement ran as a job of its own. */
  readonly runEach?: boolean;
}

interface Entry extends Omit<NewProblem, 'document'> {
  owner: Span;
  mark: Span;
  /** The owner's text, by which it is found again in a file that was closed. */
  readonly text: string;
  /** The owner is all of a statement: what is typed behind it, up to its semicolon, changes it too. */
  readonly whole: boolean;
  diagnostic: vscode.Diagnostic;
}

/** The entries in the Problems panel, each at its place until its statement is edited or run again. */
export class Problems implements vscode.Disposable {
  readonly #collection = vscode.languages.createDiagnosticCollection(SOURCE);
  readonly #entries = new Map<string, Entry[]>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  readonly #disposables = new Disposables();

  readonly #cache: StatementCache;

  constructor(cache: StatementCache) {
    this.#cache = cache;

    this.#disposables.add(this.#collection);
  }

  add({ document, ...problem }: NewProblem): void {
    const key = document.uri.toString();
    const known = this.#entries.get(key) ?? [];
    if (known.length >= MOST_ENTRIES) return;
    const text = document.getText(rangeOf(document, problem.owner));
    const whole = this.isStatement(document, problem.owner);
    const entry = { ...problem, text, whole, diagnostic: diagnosticOf(document, problem) };
    this.#entries.set(key, [...known, entry]);
    this.#show(document.uri);
  }

  /** Removes what is said about a part of a document: it is run again. */
  clear(uri: vscode.Uri, part: Span): void {
    this.#keep(uri, ({ owner }) => owner.end <= part.start || owner.start >= part.end);
  }

  /** Removes what is said about jobs that are no longer listed. */
  forget(jobIds: readonly string[]): void {
    for (const key of this.#entries.keys()) {
      this.#keep(vscode.Uri.parse(key), ({ jobId }) => jobId === undefined || !jobIds.includes(jobId));
    }
  }

  /** Follows an event of a document. */
  edit(document: vscode.TextDocument, edits: readonly Edit[]): void {
    const key = document.uri.toString();
    const entries = this.#entries.get(key);
    if (!entries) return;
    let moved = false;
    const touched = new Set<Entry>();
    for (const entry of entries) {
      const owner = moveSpan(entry.owner, edits);
      // Whether it really is another one now is looked at when all have moved.
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
        setTimeout(() => this.#refresh(document), FOLLOW_MS),
      );
    }
  }

  /** A document is open again: what stands elsewhere now is found there, what is no longer in it is removed. */
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

  /** Whether a part of a document is exactly one statement of it, with or without its comments. */
  isStatement(document: vscode.TextDocument, { start, end }: Span): boolean {
    const { text, split } = this.#cache.get(document);
    const statement = statementAt(split, start, text);
    return statement?.end === end && (statement.start === start || statement.leadStart === start);
  }

  drop(uri: vscode.Uri): void {
    this.#keep(uri, () => false);
  }

  /** The job whose timeout an entry tells about. All timeouts have the same text: the place tells them apart. */
  timedOutJob(uri: vscode.Uri, { message, range }: vscode.Diagnostic): string | undefined {
    return this.#entries
      .get(uri.toString())
      ?.find(
        ({ timedOut, diagnostic }) => timedOut && diagnostic.message === message && diagnostic.range.isEqual(range),
      )?.jobId;
  }

  /** Whether a diagnostic says that each statement would have to be a job of its own. */
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
  return edits.some((edit) => edit.start - NEAR <= end && edit.start + edit.removed + NEAR >= start);
}

function shifted({ start, end }: Span, by: number): Span {
  return { start: start + by, end: end + by };
}

function diagnosticOf(document: vscode.TextDocument, problem: Omit<NewProblem, 'document'>): vscode.Diagnostic {
  const diagnostic = ui.diagnostic(rangeOf(document, problem.mark), problem.message, problem.severity);
  diagnostic.source = SOURCE;
  if (problem.sqlstate) diagnostic.code = problem.sqlstate;
  return diagnostic;
}
