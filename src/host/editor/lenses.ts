import * as vscode from 'vscode';
import type { JobService } from '../../core/jobs/jobService';
import { Disposables } from '../disposables';
import { affectsSetting, commandId, readSetting } from '../ids';
import { isSql } from './languages';
import { lensesOf, MOST_STATEMENTS, type Lens } from './lensModel';
import type { Origins } from './origins';
import type { StatementCache } from './statementCache';
import { lensWords } from './words';

/** Several events in a row are told as one. Milliseconds. */
const TOGETHER_MS = 50;
const SCROLL_MS = 150;
const TICK_MS = 1000;
/** By this many characters of it a click recognizes its statement. */
const HEAD = 80;

/** What a click on "Run in Background" over a statement sends. */
export interface LensTarget {
  readonly uri: string;
  readonly offset: number;
  /** How the statement began when the lens was made. */
  readonly head: string;
}

/** The lenses over statements. They are made again when a job's state changes, and each second while one runs on screen. */
export class StatementLenses implements vscode.CodeLensProvider, vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<void>();
  readonly onDidChangeCodeLenses = this.#changed.event;
  readonly #disposables = new Disposables();
  readonly #words = lensWords();
  readonly #states = new Map<string, string>();
  #soon: NodeJS.Timeout | undefined;
  #tick: NodeJS.Timeout | undefined;

  constructor(
    private readonly cache: StatementCache,
    private readonly origins: Origins,
    private readonly jobs: JobService,
  ) {
    this.#disposables.add(this.#changed);
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
        if (!isSql(document) || !readSetting('codeLens')) return;
        if (cache.get(document).split.statements.length > MOST_STATEMENTS) this.refresh(SCROLL_MS);
      }),
    );
    this.#disposables.add(vscode.window.onDidChangeVisibleTextEditors(() => this.#startTicking()));
  }

  provideCodeLenses(document: vscode.TextDocument): vscode.CodeLens[] {
    if (!readSetting('codeLens')) return [];
    const { text, split } = this.cache.get(document);
    const visible = vscode.window.visibleTextEditors
      .filter((editor) => editor.document === document)
      .flatMap((editor) => editor.visibleRanges)
      .map(({ start, end }) => ({ start: document.offsetAt(start), end: document.offsetAt(end) }));
    const lenses = lensesOf({
      split,
      visible,
      origins: this.origins.of(document.uri.toString()),
      job: (id) => this.jobs.get(id)?.info(),
      now: Date.now(),
      words: this.#words,
    });
    this.#startTicking();
    return lenses.map((lens) => {
      const at = document.positionAt(lens.offset);
      return new vscode.CodeLens(new vscode.Range(at, at), commandOf(lens, document, text));
    });
  }

  /** Has the lenses made again. @param delay milliseconds */
  refresh(delay = TOGETHER_MS): void {
    if (this.#soon) return;
    this.#soon = setTimeout(() => {
      this.#soon = undefined;
      this.#changed.fire();
      this.#startTicking();
    }, delay);
  }

  dispose(): void {
    clearTimeout(this.#soon);
    clearTimeout(this.#tick);
    this.#disposables.dispose();
  }

  /**
   * The next tick comes a second after VS Code asked for lenses, not a second after the last one: each tick starts anew the time that
   * it waits before it asks, and on a slow computer that time is longer than a second.
   */
  #startTicking(): void {
    if (this.#tick || !this.#runsOnScreen()) return;
    this.#tick = setTimeout(() => {
      this.#tick = undefined;
      if (this.#runsOnScreen()) this.#changed.fire();
    }, TICK_MS);
  }

  #runsOnScreen(): boolean {
    if (!readSetting('codeLens')) return false;
    return vscode.window.visibleTextEditors.some(
      ({ document }) =>
        isSql(document) &&
        this.origins.of(document.uri.toString()).some(({ jobId }) => this.jobs.get(jobId)?.final === false),
    );
  }
}

function commandOf(
  { action, title, jobId, offset }: Lens,
  document: vscode.TextDocument,
  text: string,
): vscode.Command {
  switch (action) {
    case 'run': {
      const target: LensTarget = { uri: document.uri.toString(), offset, head: headAt(text, offset) };
      return { title, command: commandId('runStatementInBackground'), arguments: [target] };
    }
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
