import * as vscode from 'vscode';
import type { FoundWrite } from '../commands/guard';
import type { RunOptions } from '../commands/request';
import type { Launcher } from '../commands/run';
import { VariableValues } from '../commands/variables';
import { without } from '../commands/without';
import type { NewJob } from '../../core/jobs/jobService';
import { directivesOf, labelFromSql, truncateLabel } from '../../core/sql/label';
import { findParameters, substituteParameters } from '../../core/sql/parameters';
import { checkBeforeLaunch, type PrelaunchFinding } from '../../core/sql/prelaunch';
import { withoutPsqlCommands } from '../../core/sql/skip';
import type { SplitProblem } from '../../core/sql/statements';
import type { Connections } from '../connections';
import type { Span } from './edits';
import type { FileConnection } from './fileConnection';
import type { FileDefaultsStore } from './fileDefaults';
import { wholeText } from './pieces';
import { variablesOf } from './parameterInput';
import { rangeOf, type Problems } from './problems';
import { nameOf, type Target } from './targets';
import { directiveProblemText, findingText, skippedText, writeFound } from './words';
import * as ui from '../ui';

/** A target that may be launched: everything was checked and asked. */
export interface Prepared {
  readonly target: Target;
  readonly request: NewJob;
  readonly sourceOffset: (offset: number) => number;
  readonly notify: boolean;
}

/** Takes targets to where they can be launched: checks them, finds out how to run them, asks what must be asked. */
export class Preparation {
  readonly #values = new VariableValues();

  constructor(
    private readonly connections: Connections,
    private readonly launcher: Launcher,
    private readonly defaults: FileDefaultsStore,
    private readonly fileConnection: FileConnection,
    private readonly problems: Problems,
  ) {}

  /**
   * All targets or, where one cannot run or the user gives up, none: half a launch helps nobody.
   *
   * @param chosen What the user chose for this launch: all of it, in place of comments and the file's defaults. Of several
   *   targets without a label here, each keeps the one that its comments give it.
   */
  async prepare(targets: readonly Target[], chosen?: RunOptions): Promise<Prepared[] | undefined> {
    if (!vscode.workspace.isTrusted) {
      throw new Error(
        vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust it first.'),
      );
    }
    for (const { uri, piece } of targets) this.problems.clear(uri, piece);
    const sources = targets.map(sourceOf);
    const writes = this.#check(sources);
    if (!writes) return undefined;
    const planned = await this.#plan(sources, chosen);
    if (!planned) return undefined;
    const prepared = await this.#fill(planned);
    if (!prepared) return undefined;
    const allowed = await this.launcher.guard.allows(
      writes,
      prepared.map(({ request }) => request.connection),
    );
    if (!allowed) return undefined;
    const skipped = sources.reduce((sum, source) => sum + source.skipped, 0);
    if (skipped > 0) void ui.showInformationMessage(skippedText(skipped));
    return prepared;
  }

  /** Says which commands of psql in a document cannot be left out. @returns false where there is one */
  acceptsCommands(document: vscode.TextDocument, refused: readonly SplitProblem[]): boolean {
    const target = { document, uri: document.uri, piece: wholeText(document.getText()) };
    for (const place of refused) this.problems.clear(document.uri, place);
    return this.#refuse(
      refused.map(({ kind: code, ...place }) => ({ target, finding: { severity: 'error', code, ...place } })),
      1,
    );
  }

  /** What a target is launched with where the user chooses nothing: comments, then the file's defaults. */
  optionsOf({ piece, uri }: Target): RunOptions {
    const directives = without(directivesOf(piece.text), 'problems');
    const connection = this.fileConnection.of(uri);
    return { ...this.defaults.get(uri), ...(connection === undefined ? {} : { connection }), ...directives };
  }

  /** Says what cannot work. @returns what to ask about, or undefined where something cannot work */
  #check(sources: readonly Source[]): FoundWrite[] | undefined {
    const findings = sources.flatMap(({ target, text }) =>
      checkBeforeLaunch(text).map((finding) => ({ target, text, finding })),
    );
    const errors = findings.filter(({ finding }) => finding.severity === 'error');
    if (!this.#refuse(errors, sources.length)) return undefined;
    return findings.flatMap(({ finding, text }) => (finding.severity === 'confirm' ? [writeFound(finding, text)] : []));
  }

  /** Marks all that cannot work, and tells of the first. @returns whether there is nothing */
  #refuse(errors: readonly { readonly target: Target; readonly finding: PrelaunchFinding }[], total: number): boolean {
    const [first] = errors;
    if (!first) return true;
    for (const { target, finding } of errors) {
      this.#mark(target, finding, findingText(finding), vscode.DiagnosticSeverity.Error);
    }
    const text = findingText(first.finding);
    this.#tell(first.target, first.finding, total === 1 ? text : `${nameOf(first.target.uri)}: ${text}`);
    return false;
  }

  /** Marks a place of a target until it is edited; an empty place is nothing to mark. */
  #mark({ document, piece }: Target, place: Span, message: string, severity: vscode.DiagnosticSeverity): void {
    if (!document || place.end <= place.start) return;
    const mark = { start: piece.start + place.start, end: piece.start + place.end };
    this.problems.add({ document, owner: mark, mark, message, severity });
  }

  /** Says it once, and puts the cursor there or offers to. */
  #tell({ document, piece }: Target, place: Span, message: string): void {
    const show = vscode.l10n.t('Show');
    const range = document && rangeOf(document, { start: piece.start + place.start, end: piece.start + place.end });
    const editor = vscode.window.activeTextEditor;
    if (range && editor?.document === document) {
      editor.selection = new vscode.Selection(range.start, range.end);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      void ui.showErrorMessage(message);
      return;
    }
    // Not awaited: the command is done, whenever the message is read.
    void ui.showErrorMessage(message, ...(document ? [show] : [])).then((choice) => {
      if (choice === show && document && range) {
        return vscode.window.showTextDocument(document, { selection: range });
      }
      return undefined;
    });
  }

  async #plan(sources: readonly Source[], chosen: RunOptions | undefined): Promise<Planned[] | undefined> {
    const planned: Planned[] = [];
    let picked: string | undefined;
    for (const source of sources) {
      const own = this.optionsOf(source.target);
      const kept = sources.length > 1 && own.label !== undefined ? { label: own.label } : {};
      const options = chosen ? { ...kept, ...chosen } : own;
      let { connection } = options;
      // Asked once, for all that say nothing themselves.
      connection ??= picked ??= await this.launcher.chooseConnection(source.target.uri);
      if (connection === undefined) return undefined;
      const found = this.connections.find(connection, source.target.uri);
      if (!found) {
        throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', connection));
      }
      this.connections.mayAsk(found.name);
      planned.push({ ...source, options: { ...options, connection: found.name } });
    }
    // Where the user chose by hand, what the comments say was in front of them.
    if (!chosen) this.#warnOfDirectives(planned.map(({ target }) => target));
    return planned;
  }

  /** A limit that is misspelt does not limit: the job runs, and that is said, once for all of a launch. */
  #warnOfDirectives(targets: readonly Target[]): void {
    const texts: string[] = [];
    for (const target of targets) {
      for (const problem of directivesOf(target.piece.text).problems) {
        const text = directiveProblemText(problem);
        if (text === undefined) continue;
        this.#mark(target, problem, text, vscode.DiagnosticSeverity.Warning);
        texts.push(text);
      }
    }
    const [first] = texts;
    if (first === undefined) return;
    const more = texts.length > 1 ? vscode.l10n.t('{0} more are in the Problems panel.', texts.length - 1) : '';
    void ui.showWarningMessage(`${first} ${more}`.trim());
  }

  /** Puts values in the place of variables. */
  async #fill(planned: readonly Planned[]): Promise<Prepared[] | undefined> {
    const variables = variablesOf(planned.flatMap(({ text }) => findParameters(text)));
    const values = variables.length === 0 ? new Map() : await this.#values.ask(variables);
    if (!values) return undefined;
    return planned.map(({ target, text, options }) => {
      const { text: sql, sourceOffset } = substituteParameters(text, values);
      const { notify = false, label, ...others } = options;
      const request = { ...others, sql, label: labelOf(target, label) };
      return { target, request, sourceOffset, notify };
    });
  }
}

/** A target, and what of it the server gets to see. */
interface Source {
  readonly target: Target;
  /** As long as the target's own text. */
  readonly text: string;
  /** How many commands of psql are left out of it. */
  readonly skipped: number;
}

interface Planned extends Source {
  readonly options: RunOptions & { readonly connection: string };
}

/** A single statement has no command of psql but in its middle, where it cannot be left out. */
function sourceOf(target: Target): Source {
  const { kind, text } = target.piece;
  return { target, ...(kind === 'statement' ? { text, skipped: 0 } : withoutPsqlCommands(text)) };
}

/** Made from the text without values: everyone on the server can read labels. */
function labelOf({ piece, uri }: Target, label: string | undefined): string {
  if (label !== undefined && label.trim() !== '') return truncateLabel(label);
  return piece.kind === 'file' ? truncateLabel(nameOf(uri)) : labelFromSql(piece.text);
}
