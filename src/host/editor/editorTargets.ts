import * as vscode from 'vscode';
import { headAt, type LensTarget } from './lenses';
import { isSql } from './languages';
import { pieceOfSpan, pieceOf, piecesToRun, selectedStatements, wholeText, type Piece } from './runnableRanges';
import type { Span } from './edits';
import type { Parsed, StatementCache } from './statementCache';
import { PsqlState } from '../../core/sql/psql/psqlState';
import { scriptSteps, type LeftOut, type ScriptStep } from '../../core/sql/psql/scriptSteps';
import { withoutPsqlCommands, type PsqlCommands } from '../../core/sql/psql/stripPsqlCommands';
import { statementAt } from '../../core/sql/split/statements';

/** A piece of SQL and where it comes from. */
export interface Target {
  readonly piece: Piece;
  readonly uri: vscode.Uri;
  /** Undefined where the file is too large for VS Code to open: then it can be run, and no more. */
  readonly document?: vscode.TextDocument;
  /** The whole text that the piece is of, if it is a part of a SQL file. */
  readonly source?: Parsed;
  /** Where in it to look what it says above; undefined if all of it is run, so that nothing is above. */
  readonly contextAt?: number;
  /** The step of a script that it is, if the whole script is run step by step. */
  readonly step?: ScriptStep;
}

/** The steps of one document, as {@link Targets.each} finds them. */
export interface Script {
  readonly document: vscode.TextDocument;
  readonly targets: readonly Target[];
  readonly leftOut: readonly LeftOut[];
  /** How many COPY … FROM STDIN became INSERTs. */
  readonly copies: number;
}

/** A file of more bytes than this is more than a JavaScript string, and more than a server takes in one text. */
const MOST_BYTES = 500 * 1024 * 1024;

/** Finds out what a command is about. Each function returns nothing where there is nothing to run. */
export class Targets {
  readonly #cache: StatementCache;

  constructor(cache: StatementCache) {
    this.#cache = cache;
  }

  /** What is selected in an editor, else the statements under its cursors. */
  inEditor({ document, selections }: vscode.TextEditor): Target[] {
    const spans = selections.map((selection) => spanOf(document, selection));
    // Of another language only what is selected can be SQL.
    if (!isSql(document))
      return targets(document, piecesToRun(document.getText(), { statements: [], problems: [] }, spans));
    const source = this.#cache.get(document);
    return targets(document, piecesToRun(source.text, source.split, spans), source);
  }

  /** Every statement of an editor's selections, or of all of its text. */
  eachInEditor({ document, selections }: vscode.TextEditor): Script {
    return this.each(document, selections);
  }

  /** Every statement of a document, or of parts of it. */
  each(document: vscode.TextDocument, selections: readonly vscode.Selection[] = []): Script {
    const source = this.#cache.get(document);
    const { text, split } = source;
    const spans = selections.map((selection) => spanOf(document, selection));
    const selected = selectedStatements(text, split, spans);
    const state = new PsqlState(text, split);
    const { steps, leftOut, copies } = scriptSteps(
      text,
      split,
      selected,
      (offset) => state.advance(offset).autocommitOff !== undefined,
    );
    const [first] = selected;
    const partial = first !== undefined && first !== split.statements[0];
    const found = steps.map((step, index) => ({
      document,
      uri: document.uri,
      piece: pieceOfSpan(text, step),
      source,
      step,
      ...(partial && index === 0 ? { contextAt: first.start } : {}),
    }));
    return { document, targets: found, leftOut, copies };
  }

  /** All that {@link eachInEditor} finds, as one job: what is selected, or the whole text. */
  together({ document, selections }: vscode.TextEditor): Target[] {
    const { text } = this.#cache.get(document);
    const spans = selections.map((selection) => spanOf(document, selection)).filter(({ start, end }) => start < end);
    const pieces = spans.length > 0 ? piecesToRun(text, { statements: [], problems: [] }, spans) : [wholeText(text)];
    return targets(document, pieces);
  }

  /** The commands of psql among the statements that {@link eachInEditor} or {@link each} finds. */
  psqlCommands(document: vscode.TextDocument, selections: readonly vscode.Selection[] = []): PsqlCommands {
    const { text, split } = this.#cache.get(document);
    const spans = selections.map((selection) => spanOf(document, selection)).filter(({ start, end }) => start < end);
    if (spans.length === 0) return withoutPsqlCommands(text, split);
    const problems = split.problems.filter((one) => spans.some(({ start, end }) => one.start < end && one.end > start));
    return withoutPsqlCommands(text, { ...split, problems });
  }

  /**
   * The statement that a lens stands over, as it is now: edits since the lens was made may have moved or changed it.
   * @returns undefined if it cannot be identified any more
   */
  ofLens({ uri, offset, head, version }: LensTarget): Target | undefined {
    const document = vscode.workspace.textDocuments.find((one) => one.uri.toString() === uri);
    if (!document) return undefined;
    const source = this.#cache.get(document);
    const { text, split } = source;
    const moved =
      version === undefined ? undefined : this.#cache.moved(document, { start: offset, end: offset + 1 }, version);
    if (moved?.gone) return undefined;
    const now = moved?.start ?? offset;
    const statement = statementAt(split, now, text);
    if (!statement || (moved === undefined && (statement.start !== offset || headAt(text, offset) !== head)))
      return undefined;
    return { document, uri: document.uri, piece: pieceOf(text, statement), source, contextAt: statement.start };
  }

  /**
   * A whole file as one transaction; of an open one the text in its editor.
   * @throws where the file cannot be read
   */
  async file(uri: vscode.Uri): Promise<Target> {
    try {
      const document = await vscode.workspace.openTextDocument(uri);
      return { uri, document, piece: wholeText(document.getText()) };
    } catch (error) {
      const { size } = await vscode.workspace.fs.stat(uri);
      if (size > MOST_BYTES) {
        throw new Error(
          vscode.l10n.t('{0} is too large to run as one job. Split it, or run it with psql.', nameOf(uri)),
          {
            cause: error,
          },
        );
      }
      // VS Code hands no text above 50 MB to extensions, yet a server takes it.
      const text = new TextDecoder('utf-8', { fatal: true }).decode(await vscode.workspace.fs.readFile(uri));
      return { uri, piece: wholeText(text) };
    }
  }
}

/** The last part of a path, as people name files. */
export function nameOf(uri: vscode.Uri): string {
  return uri.path.slice(uri.path.lastIndexOf('/') + 1);
}

function targets(document: vscode.TextDocument, pieces: readonly Piece[], source?: Parsed): Target[] {
  return pieces.map((piece) => ({
    document,
    uri: document.uri,
    piece,
    ...(source ? { source, contextAt: piece.start } : {}),
  }));
}

/** A range of a document in UTF-16 offsets. */
export function spanOf(document: vscode.TextDocument, { start, end }: vscode.Range): Span {
  return { start: document.offsetAt(start), end: document.offsetAt(end) };
}
