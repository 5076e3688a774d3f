import * as vscode from 'vscode';
import { systemClock } from '../../core/base/clock';
import type { JobService } from '../../core/jobs/jobService';
import { Disposables } from '../base/disposables';
import { commandId } from '../base/commandIds';
import { affectsSetting, readSetting } from '../base/settings';
import { isSql } from './languages';
import { lensesOf, MOST_STATEMENTS, type Lens } from './lensModel';
import { LensPace } from './lensRefresh';
import type { Origins } from './jobRanges';
import type { StatementCache } from './statementCache';
import { lensWords } from './editorMessages';

/** Scrolling goes on for a while. Milliseconds. */
const SCROLL_MS = 150;
/** By this many characters of it a click recognizes its statement. */
const HEAD = 80;

/** What a click on "Run in Background" over a statement sends. */
export interface LensTarget {
  readonly uri: string;
  readonly offset: number;
  /** How the statement began when the lens was made. */
  readonly head: string;
  /** The document's version when the lens was made: with it, the statement is found again after edits elsewhere. */
  readonly version?: number;
}

/** The lenses over statements. They are made again when a job's state changes, and each second while one runs on screen. */
export class StatementLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #disposables = new Disposables();
  readonly #words = lensWords();
  readonly #states = new Map<string, string>();
  readonly #pace: LensPace;

  readonly #cache: StatementCache;
  readonly #origins: Origins;
  readonly #jobs: JobService;

  constructor(cache: StatementCache, origins: Origins, jobs: JobService) {
    this.#cache = cache;
    this.#origins = origins;
    this.#jobs = jobs;

    this.#pace = new LensPace({
      clock: systemClock,
      tell: () => this.#changed.fire(),
      seen: () => this.#seen().length > 0,
      ticks: () => this.#seen().some((document) => this.#runs(document)),
    });
    this.#disposables.add(this.#changed);
    this.#disposables.add(this.#pace);
    this.#disposables.add(
      jobs.onDidChange((job) => {
        // Progress comes in floods; the ticks show it.
        if (this.#states.get(job.id) === job.state || !origins.get(job.id)) return;
        this.#states.set(job.id, job.state);
        this.refresh();
      }),
    );
    this.#disposables.add(
      jobs.onDidRemove((ids) => {
        for (const id of ids) this.#states.delete(id);
        this.refresh();
      }),
    );
    this.#disposables.add(
      vscode.workspace.onDidChangeConfiguration((event) => {
        if (affectsSetting(event, 'codeLens')) this.refresh();
      }),
    );
    this.#disposables.add(
      vscode.window.onDidChangeTextEditorVisibleRanges(({ textEditor: { document } }) => {
        // With few statements all have their lenses already.
        if (!isSql(document) || !readSetting('codeLens', document)) return;
        if (cache.get(document).split.statements.length > MOST_STATEMENTS) this.refresh(SCROLL_MS);
      }),
    );
    this.#disposables.add(
      vscode.window.onDidChangeVisibleTextEditors(() => {
        // What it was told while the editor was hidden it did not ask about.
        if (this.#seen().length > 0) this.refresh();
      }),
    );
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!readSetting('codeLens', document)) return [];
    const { text, split } = this.#cache.get(document);
    const visible = vscode.window.visibleTextEditors
      .filter((editor) => editor.document === document)
      .flatMap((editor) => editor.visibleRanges)
      .map(({ start, end }) => ({ start: document.offsetAt(start), end: document.offsetAt(end) }));
    const lenses = lensesOf({
      text,
      split,
      visible,
      origins: this.#origins.of(document.uri.toString()),
      job: (id) => this.#jobs.get(id)?.info(),
      now: Date.now(),
      words: this.#words,
    });
    this.#pace.asked();
    return lenses.map((lens) => {
      const at = document.positionAt(lens.offset);
      return new vscode.CodeLens(new vscode.Range(at, at), commandOf(lens, document, text));
    });
  }

  /** Has the lenses made again. @param delay milliseconds */
  refresh(delay?: number): void {
    this.#pace.change(delay);
  }

  dispose(): void {
    this.#disposables.dispose();
  }

  /** The texts on screen that have lenses. */
  #seen(): readonly vscode.TextDocument[] {
    return vscode.window.visibleTextEditors
      .map(({ document }) => document)
      .filter((document) => isSql(document) && readSetting('codeLens', document));
  }

  #runs(document: vscode.TextDocument): boolean {
    return this.#origins.of(document.uri.toString()).some(({ jobId }) => this.#jobs.get(jobId)?.final === false);
  }
}

function commandOf(
  { action, title, jobId, jobIds, offset }: Lens,
  document: vscode.TextDocument,
  text: string,
): vscode.Command {
  switch (action) {
    case 'run': {
      const target: LensTarget = {
        uri: document.uri.toString(),
        offset,
        head: headAt(text, offset),
        version: document.version,
      };
      return { title, command: commandId('runStatementInBackground'), arguments: [target] };
    }
    case 'jobs':
      return { title, command: commandId('pickJobOfStatement'), arguments: [jobIds] };
    case 'cancel':
      return { title, command: commandId('cancelJob'), arguments: [jobId] };
    case 'results':
      return { title, command: commandId('showResults'), arguments: [jobId] };
    case 'details':
      return { title, command: commandId('showJobDetails'), arguments: [jobId] };
  }
}

/** How the text goes on at an offset, as far as a click compares it. */
export function headAt(text: string, offset: number): string {
  return text.slice(offset, offset + HEAD);
}

/** Commands take anything; this is one of ours. */
export function isLensTarget(argument: unknown): argument is LensTarget {
  if (typeof argument !== 'object' || argument === null) return false;
  const { uri, offset, head } = argument as Record<string, unknown>;
  return typeof uri === 'string' && typeof offset === 'number' && typeof head === 'string';
}
