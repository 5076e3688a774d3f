import * as vscode from 'vscode';
import type { FoundWrite } from './launchConfirmation';
import type { RunOptions } from './request';
import type { Launcher } from './launcher';
import { VariableValues } from './askVariables';
import { without } from '../base/omit';
import type { NewJob } from '../../core/jobs/jobService';
import { directivesOf, labelFromSql, truncateLabel } from '../../core/sql/directives';
import { fileContext, type ContextFinding } from '../../core/sql/psql/fileContext';
import { expandVariables, findParameters, substituteParameters, type ParameterValue } from '../../core/sql/parameters';
import { PsqlState, type Known } from '../../core/sql/psql/psqlState';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import { checkBeforeLaunch, type PrelaunchFinding } from '../../core/sql/classify/prelaunch';
import { withoutPsqlCommands } from '../../core/sql/psql/stripPsqlCommands';
import { splitStatements, type SplitProblem } from '../../core/sql/split/statements';
import type { Connections } from '../connections/connections';
import type { Span } from '../editor/edits';
import type { FileConnection } from '../editor/fileConnection';
import type { FileDefaultsStore } from '../editor/fileDefaults';
import { wholeText } from '../editor/runnableRanges';
import { variablesOf } from './parameterInput';
import { rangeOf, type Problems } from '../editor/diagnostics';
import { askContext, contextText } from './scriptQuestions';
import { withSession } from '../editor/scriptSession';
import type { Parsed } from '../editor/statementCache';
import { nameOf, type Target } from '../editor/editorTargets';
import { directiveProblemText, findingText, skippedText, writeFound } from '../editor/editorMessages';
import * as ui from '../base/ui';

/** A target that may be launched: everything was checked and asked. */
export interface Prepared {
  readonly target: Target;
  readonly request: NewJob;
  readonly sourceOffset: (offset: number) => number;
  readonly notify: boolean;
  /** Of a step of a script: what the file had set before it, if the user wants that. */
  readonly session?: SessionSettings;
}

/** Takes targets to where they can be launched: checks them, finds out how to run them, asks what must be asked. */
export class Preparation {
  readonly #values = new VariableValues();
  /** The answer for files that only set something above what is run, by their address and what they set. */
  readonly #settingsAnswers = new Map<string, 'run' | 'withSettings'>();

  readonly #connections: Connections;
  readonly #launcher: Launcher;
  readonly #defaults: FileDefaultsStore;
  readonly #fileConnection: FileConnection;
  readonly #problems: Problems;

  constructor(
    connections: Connections,
    launcher: Launcher,
    defaults: FileDefaultsStore,
    fileConnection: FileConnection,
    problems: Problems,
  ) {
    this.#connections = connections;
    this.#launcher = launcher;
    this.#defaults = defaults;
    this.#fileConnection = fileConnection;
    this.#problems = problems;
  }

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
    for (const { uri, piece } of targets) this.#problems.clear(uri, piece);
    const reader = new SourceReader();
    const sources = targets.map((target) => reader.read(target));
    const writes = this.#check(sources);
    if (!writes) return undefined;
    const sessions = await this.#askContext(targets);
    if (!sessions) return undefined;
    const planned = await this.#plan(sources, chosen);
    if (!planned) return undefined;
    const prepared = await this.#fill(planned, sessions);
    if (!prepared) return undefined;
    const allowed = await this.#launcher.guard.allows(
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
    for (const place of refused) this.#problems.clear(document.uri, place);
    return this.#refuse(
      refused.map(({ kind: code, ...place }) => ({ target, finding: { severity: 'error', code, ...place } })),
      1,
    );
  }

  /** What a target is launched with where the user chooses nothing: comments, then the file's defaults. */
  optionsOf({ piece, uri }: Target): RunOptions {
    const directives = without(directivesOf(piece.text), 'problems');
    const connection = this.#fileConnection.of(uri);
    // One that was set for the file and is gone is asked for anew.
    return {
      ...without(this.#defaults.get(uri), 'connection'),
      ...(connection === undefined ? {} : { connection }),
      ...directives,
    };
  }

  /** Says what cannot work. @returns what to ask about, or undefined where something cannot work */
  #check(sources: readonly Source[]): FoundWrite[] | undefined {
    const findings = sources.flatMap(({ target, text, sourceOffset }) =>
      checkBeforeLaunch(text).map((finding) => ({ target, text, finding, sourceOffset })),
    );
    const errors = findings
      .filter(({ finding }) => finding.severity === 'error')
      .map(({ target, finding, sourceOffset }) => {
        const start = sourceOffset(finding.start);
        return { target, finding: { ...finding, start, end: Math.max(sourceOffset(finding.end), start + 1) } };
      });
    if (!this.#refuse(errors, sources.length)) return undefined;
    this.#warn(
      findings.flatMap(({ target, finding }) =>
        finding.code === 'limitWithoutEffect' ? [{ target, place: finding, text: findingText(finding) }] : [],
      ),
    );
    return findings.flatMap(({ finding, text }) => (finding.severity === 'confirm' ? [writeFound(finding, text)] : []));
  }

  /** Marks all that cannot work, and tells of the first. @returns whether there is nothing */
  #refuse(errors: readonly { readonly target: Target; readonly finding: PrelaunchFinding }[], total: number): boolean {
    const [first] = errors;
    if (!first) return true;
    for (const { target, finding } of errors) {
      const runEach = finding.code === 'refusesTransactionBlock' || finding.code === 'transactionControl';
      this.#mark(target, finding, findingText(finding), vscode.DiagnosticSeverity.Error, runEach);
    }
    const text = findingText(first.finding);
    this.#tell(first.target, first.finding, total === 1 ? text : `${nameOf(first.target.uri)}: ${text}`);
    return false;
  }

  /** Marks a place of a target until it is edited; an empty place is nothing to mark. */
  #mark(
    { document, piece }: Target,
    place: Span,
    message: string,
    severity: vscode.DiagnosticSeverity,
    runEach = false,
  ): void {
    if (!document || place.end <= place.start) return;
    const mark = { start: piece.start + place.start, end: piece.start + place.end };
    this.#problems.add({ document, owner: mark, mark, message, severity, runEach });
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
    const asking = chosen ? sources : sources.filter(({ target }) => this.optionsOf(target).connection === undefined);
    let picked: string | undefined;
    for (const source of sources) {
      const own = this.optionsOf(source.target);
      const kept = sources.length > 1 && own.label !== undefined ? { label: own.label } : {};
      const options = chosen ? { ...kept, ...chosen } : own;
      let { connection } = options;
      // Asked once, for all that say nothing themselves.
      connection ??= picked ??= await this.#fileConnection.choose(asking.map(({ target }) => target.uri));
      if (connection === undefined) return undefined;
      const found = this.#connections.find(connection, source.target.uri);
      if (!found) {
        throw new Error(vscode.l10n.t('There is no connection "{0}". Add it, or choose another one.', connection));
      }
      this.#connections.mayAsk(found.name);
      planned.push({ ...source, options: { ...options, connection: found.name } });
    }
    // Where the user chose by hand, what the comments say was in front of them.
    if (!chosen) this.#warnOfDirectives(planned.map(({ target }) => target));
    return planned;
  }

  /** A limit that is misspelt does not limit: the job runs, and that is said, once for all of a launch. */
  #warnOfDirectives(targets: readonly Target[]): void {
    this.#warn(
      targets.flatMap((target) =>
        directivesOf(target.piece.text).problems.flatMap((place) => {
          const text = directiveProblemText(place);
          return text === undefined ? [] : [{ target, place, text }];
        }),
      ),
    );
  }

  /** Marks what does not work as one may expect, and tells of the first. */
  #warn(problems: readonly { readonly target: Target; readonly place: Span; readonly text: string }[]): void {
    const [first] = problems;
    if (!first) return;
    for (const { target, place, text } of problems) this.#mark(target, place, text, vscode.DiagnosticSeverity.Warning);
    const count = problems.length - 1;
    const more =
      count === 0
        ? ''
        : count === 1
          ? vscode.l10n.t('1 more is in the Problems panel.')
          : vscode.l10n.t('{0} more are in the Problems panel.', count);
    void ui.showWarningMessage(`${first.text} ${more}`.trim());
  }

  /**
   * Asks where the file says more about what is run than it says itself: a transaction, another connection, settings.
   *
   * @returns the settings of the file for each target that is to run with them; undefined if the user gave up
   */
  async #askContext(targets: readonly Target[]): Promise<ReadonlyMap<Target, SessionSettings> | undefined> {
    const sessions = new Map<Target, SessionSettings>();
    const found: { readonly target: Target; readonly finding: ContextFinding; readonly settings: SessionSettings }[] =
      [];
    for (const target of targets) {
      const { source, contextAt } = target;
      if (!source || contextAt === undefined) continue;
      const state = new PsqlState(source.text, source.split, environment);
      const { findings, settings } = fileContext(source.text, source.split, contextAt, state);
      found.push(...findings.map((finding) => ({ target, finding, settings })));
    }
    const [first] = found;
    if (!first) return sessions;
    const settings = found.filter(({ finding }) => finding.code === 'settings');
    const key = `${first.target.uri.toString()} ${settings.map(({ finding }) => finding.subject).join()}`;
    const remembered = settings.length === found.length ? this.#settingsAnswers.get(key) : undefined;
    const lines = found.map(({ target, finding }) => ({
      line: target.document && target.document.positionAt(finding.start).line + 1,
      text: contextText(finding),
    }));
    const unique = lines.filter((one, index) => lines.findIndex(({ text }) => text === one.text) === index);
    const answer = remembered ?? (await askContext(unique, settings.length > 0));
    if (!answer) return undefined;
    if (settings.length === found.length) this.#settingsAnswers.set(key, answer);
    if (answer === 'withSettings') for (const one of settings) sessions.set(one.target, one.settings);
    return sessions;
  }

  /** Puts values in the place of variables. */
  async #fill(
    planned: readonly Planned[],
    sessions: ReadonlyMap<Target, SessionSettings>,
  ): Promise<Prepared[] | undefined> {
    const uses = planned.flatMap(({ text, unset }) => findParameters(text).filter(({ name }) => !unset.has(name)));
    const hints = (name: string): Known | undefined => {
      for (const { hint } of planned) {
        const known = hint(name);
        if (known) return known;
      }
      return undefined;
    };
    const variables = variablesOf(uses, hints);
    const values = variables.length === 0 ? new Map<string, ParameterValue>() : await this.#values.ask(variables);
    if (!values) return undefined;
    return planned.map(({ target, text, options, unset, sourceOffset: toSource }) => {
      const own = new Map([...values].filter(([name]) => !unset.has(name)));
      const { text: sql, sourceOffset } = substituteParameters(text, own);
      const { notify = false, label, ...others } = options;
      const request = { ...others, sql, label: labelOf(target, label) };
      const prepared = { target, request, sourceOffset: (offset: number) => toSource(sourceOffset(offset)), notify };
      const session = sessions.get(target);
      if (target.step) return { ...prepared, ...(session ? { session } : {}) };
      return session ? withSession(prepared, session) : prepared;
    });
  }
}

/** A target, and what of it the server gets to see. */
interface Source {
  readonly target: Target;
  readonly text: string;
  /** The offset in the target's own text that an offset in `text` comes from. */
  readonly sourceOffset: (offset: number) => number;
  /** How many commands of psql are left out of it. */
  readonly skipped: number;
  /** Variables that the file removed. */
  readonly unset: ReadonlySet<string>;
  /** What the file says about a variable whose value is not certain. */
  readonly hint: (name: string) => Known | undefined;
}

interface Planned extends Source {
  readonly options: RunOptions & { readonly connection: string };
}

function environment(name: string): string | undefined {
  return process.env[name];
}

/** Reads what targets send. Of several targets of one file, those further down come later. */
class SourceReader {
  readonly #states = new Map<Parsed, PsqlState>();
  readonly #ends = new Map<Parsed, PsqlState>();

  read(target: Target): Source {
    const { kind, text } = target.piece;
    const { step } = target;
    const sent = step?.sent ?? { text, sourceOffset: (offset: number) => offset };
    // A single statement has no command of psql but in its middle, where it cannot be left out.
    const { text: plain, skipped } = kind === 'statement' ? { text: sent.text, skipped: 0 } : withoutPsqlCommands(text);
    const unchanged = {
      target,
      text: plain,
      sourceOffset: sent.sourceOffset,
      skipped,
      unset: new Set<string>(),
      hint: () => undefined,
    };
    const whole = target.source?.text ?? text;
    if (!plain.includes(':') || !whole.includes('\\')) return unchanged;
    const parsed = target.source ?? { text, split: splitStatements(text) };
    const base = target.source ? target.piece.start : 0;
    const state = keptIn(this.#states, parsed);
    const expansion = expandVariables(plain, (name, offset) =>
      state.advance(base + sent.sourceOffset(offset)).variable(name),
    );
    const atEnd = new Map(state.names.map((name) => [name, state.variable(name)]));
    const later = keptIn(this.#ends, parsed).advance(Infinity);
    return {
      ...unchanged,
      text: expansion.text,
      sourceOffset: (offset) => sent.sourceOffset(expansion.sourceOffset(offset)),
      unset: expansion.unset,
      hint: (name) => atEnd.get(name) ?? later.variable(name),
    };
  }
}

function keptIn(states: Map<Parsed, PsqlState>, parsed: Parsed): PsqlState {
  let state = states.get(parsed);
  if (!state) states.set(parsed, (state = new PsqlState(parsed.text, parsed.split, environment)));
  return state;
}

/** Made from the text without values: everyone on the server can read labels. */
function labelOf({ piece, uri }: Target, label: string | undefined): string {
  if (label !== undefined && label.trim() !== '') return truncateLabel(label);
  return piece.kind === 'file' ? truncateLabel(nameOf(uri)) : labelFromSql(piece.text);
}
