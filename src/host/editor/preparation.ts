import * as vscode from 'vscode';
import type { RunOptions } from '../commands/request';
import type { Launcher } from '../commands/run';
import { VariableValues } from '../commands/variables';
import { without } from '../commands/without';
import type { NewJob } from '../../core/jobs/jobService';
import { directivesOf, labelFor, truncateLabel } from '../../core/sql/label';
import { findParameters, substituteParameters } from '../../core/sql/parameters';
import { checkBeforeLaunch, type PrelaunchFinding } from '../../core/sql/prelaunch';
import type { Connections } from '../connections';
import type { Span } from './edits';
import type { FileConnection } from './fileConnection';
import type { FileDefaultsStore } from './fileDefaults';
import { variablesOf } from './parameterInput';
import { rangeOf, type Problems } from './problems';
import { nameOf, type Target } from './targets';
import { directiveProblemText, findingText } from './words';

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
   * @param given What the user chose for this launch; it wins over comments and the file's defaults.
   */
  async prepare(targets: readonly Target[], given: RunOptions = {}): Promise<Prepared[] | undefined> {
    if (!vscode.workspace.isTrusted) {
      throw new Error(
        vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust it first.'),
      );
    }
    for (const { uri, piece } of targets) this.problems.clear(uri, piece);
    const writes = this.#check(targets);
    if (!writes) return undefined;
    const planned = await this.#plan(targets, given);
    if (!planned) return undefined;
    const prepared = await this.#fill(planned);
    if (!prepared) return undefined;
    const allowed = await this.launcher.guard.allows(
      writes.map(findingText),
      prepared.map(({ request }) => request.connection),
    );
    return allowed ? prepared : undefined;
  }

  /** What a target is launched with where the user chooses nothing: comments, then the file's defaults. */
  optionsOf({ piece, uri }: Target): RunOptions {
    const directives = without(directivesOf(piece.text), 'problems');
    const connection = this.fileConnection.of(uri);
    return { ...this.defaults.get(uri), ...(connection === undefined ? {} : { connection }), ...directives };
  }

  /** Says what cannot work. @returns what to ask about, or undefined where something cannot work */
  #check(targets: readonly Target[]): PrelaunchFinding[] | undefined {
    const findings = targets.flatMap((target) =>
      checkBeforeLaunch(target.piece.text).map((finding) => ({ target, finding })),
    );
    const errors = findings.filter(({ finding }) => finding.severity === 'error');
    const [first] = errors;
    if (!first) return findings.flatMap(({ finding }) => (finding.severity === 'confirm' ? [finding] : []));
    for (const { target, finding } of errors) {
      this.#mark(target, finding, findingText(finding), vscode.DiagnosticSeverity.Error);
    }
    const text = findingText(first.finding);
    this.#tell(first.target, first.finding, targets.length === 1 ? text : `${nameOf(first.target.uri)}: ${text}`);
    return undefined;
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
      void vscode.window.showErrorMessage(message);
      return;
    }
    // Not awaited: the command is done, whenever the message is read.
    void vscode.window.showErrorMessage(message, ...(document ? [show] : [])).then((choice) => {
      if (choice === show && document && range) {
        return vscode.window.showTextDocument(document, { selection: range });
      }
      return undefined;
    });
  }

  async #plan(targets: readonly Target[], given: RunOptions): Promise<Planned[] | undefined> {
    const planned: Planned[] = [];
    let chosen: string | undefined;
    for (const target of targets) {
      const options = { ...this.optionsOf(target), ...given };
      let { connection } = options;
      // Asked once, for all that say nothing themselves.
      connection ??= chosen ??= await this.launcher.chooseConnection(target.uri);
      if (connection === undefined) return undefined;
      const found = this.connections.find(connection, target.uri);
      if (!found) {
        throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', connection));
      }
      this.connections.mayAsk(found.name);
      planned.push({ target, options: { ...options, connection: found.name } });
    }
    for (const { target } of planned) this.#warnOfDirectives(target);
    return planned;
  }

  /** A limit that is misspelt does not limit: the job runs, and that is said. */
  #warnOfDirectives(target: Target): void {
    for (const problem of directivesOf(target.piece.text).problems) {
      const text = directiveProblemText(problem);
      if (text === undefined) continue;
      this.#mark(target, problem, text, vscode.DiagnosticSeverity.Warning);
      void vscode.window.showWarningMessage(text);
    }
  }

  /** Puts values in the place of variables. */
  async #fill(planned: readonly Planned[]): Promise<Prepared[] | undefined> {
    const variables = variablesOf(planned.flatMap(({ target }) => findParameters(target.piece.text)));
    const values = variables.length === 0 ? new Map() : await this.#values.ask(variables);
    if (!values) return undefined;
    return planned.map(({ target, options }) => {
      const { text: sql, sourceOffset } = substituteParameters(target.piece.text, values);
      const { notify = false, label, ...others } = options;
      const request = { ...others, sql, label: labelOf(target, label) };
      return { target, request, sourceOffset, notify };
    });
  }
}

interface Planned {
  readonly target: Target;
  readonly options: RunOptions & { readonly connection: string };
}

/** Made from the text without values: everyone on the server can read labels. */
function labelOf({ piece, uri }: Target, label: string | undefined): string {
  if (label !== undefined && label.trim() !== '') return truncateLabel(label);
  return piece.kind === 'file' ? truncateLabel(nameOf(uri)) : labelFor(piece.text);
}
