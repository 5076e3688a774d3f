import * as vscode from 'vscode';
import { PsqlState } from '../../core/sql/psql/psqlState';
import { scriptSteps, type ScriptStep, type SkippedTransaction } from '../../core/sql/psql/scriptSteps';
import { stripPsqlCommands, type StrippedText } from '../../core/sql/psql/stripPsqlCommands';
import type { ParsedText, SplitText } from '../../core/sql/split/splitTypes';
import { statementAt } from '../../core/sql/split/statements';
import type { EditorSnapshot } from './editorSnapshot';
import type { Span } from './edits';
import type { PendingRange } from './jobRanges';
import { isSql } from './languages';
import { headAt, type LensTarget } from './lensTarget';
import {
  rangesToRun,
  selectedStatements,
  statementRange,
  stepRange,
  wholeFile,
  type RunnableRange,
} from './runnableRanges';
import type { StatementCache } from './statementCache';

/** SQL to run, and its source. */
export interface SqlTarget {
  readonly range: RunnableRange;
  readonly uri: vscode.Uri;
  /** Undefined if the file is too large for VS Code to open; it can then only be run. */
  readonly document?: vscode.TextDocument;
  /** The whole text that the range is part of, if it is part of a SQL file. */
  readonly source?: ParsedText;
  /** The offset in `source` before which psql would run other commands; undefined if all of the text is run. */
  readonly contextAt?: number;
  /** Set if the range is a step of a script that is run step by step. */
  readonly step?: ScriptStep;
  /** Tracks the range in its document until the job is launched. */
  readonly pending?: PendingRange;
}

/** The steps of one document; see {@link EditorTargets.each}. */
export interface Script {
  readonly document: vscode.TextDocument;
  readonly targets: readonly SqlTarget[];
  readonly skipped: readonly SkippedTransaction[];
  /** The number of COPY … FROM STDIN that became INSERTs. */
  readonly copies: number;
}

/** The maximum size of a file: a larger one does not fit into a JavaScript string, or into one text for a server. */
const MAX_FILE_BYTES = 500 * 1024 * 1024;

const NO_STATEMENTS: SplitText = { statements: [], problems: [] };

/** Finds the SQL that a command should run. */
export class EditorTargets {
  readonly #cache: StatementCache;

  constructor(cache: StatementCache) {
    this.#cache = cache;
  }

  /** The selections of an editor or, if nothing is selected, the statements at its cursors. */
  inEditor({ document, selections }: EditorSnapshot): SqlTarget[] {
    const spans = selections.map((selection) => spanOf(document, selection));
    // In a document of another language, only a selection can be SQL.
    if (!isSql(document)) return targetsOf(document, rangesToRun(document.getText(), NO_STATEMENTS, spans));
    const source = this.#cache.get(document);
    return targetsOf(document, rangesToRun(source.text, source.split, spans), source);
  }

  /** Every statement of an editor's selections, or of all of its text. */
  eachInEditor({ document, selections }: EditorSnapshot): Script {
    return this.each(document, selections);
  }

  /** Every statement of a document, or of its selected parts. */
  each(document: vscode.TextDocument, selections: readonly vscode.Selection[] = []): Script {
    const source = this.#cache.get(document);
    const { text, split } = source;
    const spans = selections.map((selection) => spanOf(document, selection));
    const selected = selectedStatements(text, split, spans);
    const state = new PsqlState(text, split);
    const { steps, skipped, copies } = scriptSteps(
      text,
      split,
      selected,
      (offset) => state.advance(offset).autocommitOff !== undefined,
    );
    const [first] = selected;
    const partial = first !== undefined && first !== split.statements[0];
    const targets = steps.map((step, index) => ({
      document,
      uri: document.uri,
      range: stepRange(text, step),
      source,
      step,
      ...(partial && index === 0 ? { contextAt: first.start } : {}),
    }));
    return { document, targets, skipped, copies };
  }

  /** The same SQL as {@link eachInEditor}, but as one job per selection, or one job for the whole text. */
  together({ document, selections }: EditorSnapshot): SqlTarget[] {
    const { text } = this.#cache.get(document);
    const spans = selections.map((selection) => spanOf(document, selection)).filter(({ start, end }) => start < end);
    const ranges = spans.length > 0 ? rangesToRun(text, NO_STATEMENTS, spans) : [wholeFile(text)];
    return targetsOf(document, ranges);
  }

  /** The psql commands between the statements that {@link eachInEditor} or {@link each} finds. */
  psqlCommands(document: vscode.TextDocument, selections: readonly vscode.Selection[] = []): StrippedText {
    const { text, split } = this.#cache.get(document);
    const spans = selections.map((selection) => spanOf(document, selection)).filter(({ start, end }) => start < end);
    if (spans.length === 0) return stripPsqlCommands(text, split);
    const problems = split.problems.filter((problem) =>
      spans.some(({ start, end }) => problem.start < end && problem.end > start),
    );
    return stripPsqlCommands(text, { ...split, problems });
  }

  /**
   * The current statement of a lens, even if edits have moved or changed it since the lens was made.
   * @returns undefined if it cannot be identified any more
   */
  ofLens({ uri, offset, head, version }: LensTarget): SqlTarget | undefined {
    const document = vscode.workspace.textDocuments.find((candidate) => candidate.uri.toString() === uri);
    if (!document) return undefined;
    const source = this.#cache.get(document);
    const { text, split } = source;
    const moved =
      version === undefined ? undefined : this.#cache.moved(document, { start: offset, end: offset + 1 }, version);
    if (moved?.gone) return undefined;
    const statement = statementAt(split, moved?.start ?? offset, text);
    if (!statement || (moved === undefined && (statement.start !== offset || headAt(text, offset) !== head)))
      return undefined;
    return { document, uri: document.uri, range: statementRange(text, statement), source, contextAt: statement.start };
  }

  /**
   * A whole file as one transaction. For an open file, the text in its editor.
   * @throws if the file cannot be read or is too large
   */
  async file(uri: vscode.Uri): Promise<SqlTarget> {
    try {
      const document = await vscode.workspace.openTextDocument(uri);
      return { uri, document, range: wholeFile(document.getText()) };
    } catch (error) {
      const { size } = await vscode.workspace.fs.stat(uri);
      if (size > MAX_FILE_BYTES) {
        throw new Error(
          vscode.l10n.t('{0} is too large to run as one job. Split it, or run it with psql.', nameOf(uri)),
          { cause: error },
        );
      }
      // VS Code does not open files above 50 MB for extensions, but a server accepts them.
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await vscode.workspace.fs.readFile(uri));
      return { uri, range: wholeFile(text) };
    }
  }
}

/** The last part of a path. */
export function nameOf(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

function targetsOf(document: vscode.TextDocument, ranges: readonly RunnableRange[], source?: ParsedText): SqlTarget[] {
  return ranges.map((range) => ({
    document,
    uri: document.uri,
    range,
    ...(source ? { source, contextAt: range.start } : {}),
  }));
}

/** A range of a document in UTF-16 offsets. */
export function spanOf(document: vscode.TextDocument, { start, end }: vscode.Range): Span {
  return { start: document.offsetAt(start), end: document.offsetAt(end) };
}
