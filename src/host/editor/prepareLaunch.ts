import * as vscode from 'vscode';
import type { FaultSpan } from '../../core/base/fault';
import { checkBeforeLaunch, type PrelaunchFinding } from '../../core/sql/classify/prelaunch';
import { directivesOf } from '../../core/sql/directives';
import { splitFault } from '../../core/sql/faults';
import { labelFromSql, truncateLabel } from '../../core/sql/labels';
import { findParameters, substituteParameters, type ParameterValue } from '../../core/sql/parameters';
import type { VariableState } from '../../core/sql/psql/commandArguments';
import { fileContext, type ContextFinding } from '../../core/sql/psql/fileContext';
import { PsqlState } from '../../core/sql/psql/psqlState';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import type { SplitProblem } from '../../core/sql/split/splitTypes';
import { omit } from '../base/omit';
import * as ui from '../base/ui';
import { unknownConnectionError, type Connections } from '../connections/connections';
import { VariableValues } from '../launch/askVariables';
import { limitLocks, unboundedWrite, type UnboundedWrite } from '../launch/launchConfirmation';
import type { Launcher } from '../launch/launcher';
import { readValue, variablesOf, type Variable } from '../launch/parameterInput';
import type { RunOptions } from '../launch/request';
import { askContext } from '../launch/scriptQuestions';
import { skippedText } from '../messages/editorTexts';
import { sqlText } from '../messages/sqlMessages';
import { rangeOf, type EditorDiagnostics } from './editorDiagnostics';
import { nameOf, type SqlTarget } from './editorTargets';
import type { FileConnection } from './fileConnection';
import type { FileDefaultsStore } from './fileDefaults';
import type { PreparedLaunch } from './preparedLaunch';
import { wholeFile } from './runnableRanges';
import { withSession } from './scriptSession';
import { environment, SqlSourceReader, type SqlSource } from './sqlSource';
import type { TaskLaunch } from './taskLaunch';

export interface PrepareOptions {
  /** False if the caller asks about statements that change every row. */
  readonly asksAboutWrites?: boolean;
  /** The connection of each target, if all targets are the same SQL. Those of comments and files do not count then. */
  readonly connections?: readonly string[];
  /** Set if a task runs the targets. */
  readonly task?: TaskLaunch | undefined;
}

interface PlannedLaunch extends SqlSource {
  readonly options: RunOptions & { readonly connection: string };
}

/** Prepares launches: checks the SQL, determines the options, and asks the user what is needed. */
export class LaunchPreparer {
  readonly #values = new VariableValues();
  /** Answers for files whose only context are settings, by file and names of the settings. */
  readonly #settingsAnswers = new Map<string, 'run' | 'withSettings'>();

  readonly #connections: Connections;
  readonly #launcher: Launcher;
  readonly #defaults: FileDefaultsStore;
  readonly #fileConnection: FileConnection;
  readonly #diagnostics: EditorDiagnostics;

  constructor(
    connections: Connections,
    launcher: Launcher,
    defaults: FileDefaultsStore,
    fileConnection: FileConnection,
    diagnostics: EditorDiagnostics,
  ) {
    this.#connections = connections;
    this.#launcher = launcher;
    this.#defaults = defaults;
    this.#fileConnection = fileConnection;
    this.#diagnostics = diagnostics;
  }

  /**
   * Prepares all targets, or none of them if one cannot run or the user cancels.
   *
   * @param chosen The user's options for this launch, which replace those of comments and the file's defaults. With several targets
   *   and no label here, each target keeps the label of its comments.
   * @throws if the workspace is not trusted, a connection does not exist, or a text becomes too long
   */
  async prepare(
    targets: readonly SqlTarget[],
    chosen?: RunOptions,
    { asksAboutWrites = true, connections, task }: PrepareOptions = {},
  ): Promise<PreparedLaunch[] | undefined> {
    if (!vscode.workspace.isTrusted) {
      throw new Error(
        vscode.l10n.t(
          'This workspace is not trusted, so nothing connects and nothing runs. Trust the workspace first.',
        ),
      );
    }
    for (const { uri, range } of targets) this.#diagnostics.clear(uri, range);
    const reader = new SqlSourceReader();
    const sources = targets.map((target) => reader.read(target));
    const writes = this.#check(connections ? sources.slice(0, 1) : sources, task);
    if (!writes) return undefined;
    const sessions = await this.#askContext(targets);
    if (!sessions) return undefined;
    const planned = await this.#plan(sources, chosen, connections, task);
    if (!planned) return undefined;
    const prepared = await this.#fill(planned, sessions, task);
    if (!prepared) return undefined;
    const { confirmation } = this.#launcher;
    const questions = prepared.map(({ request }) => confirmation.questionOf(request));
    const confirmed = await confirmation.confirm(asksAboutWrites ? writes : [], questions);
    if (!confirmed) return undefined;
    const skipped = sources.reduce((sum, source) => sum + source.skipped, 0);
    if (skipped > 0) {
      if (task) task.report('info', skippedText(skipped));
      else void ui.showInformationMessage(skippedText(skipped));
    }
    return prepared.map((launch, index) => {
      const question = questions[index];
      return question ? { ...launch, request: limitLocks(launch.request, question, confirmed) } : launch;
    });
  }

  /** Reports the psql commands of a document that cannot be skipped. @returns whether there are none */
  acceptsCommands(document: vscode.TextDocument, refused: readonly SplitProblem[], task?: TaskLaunch): boolean {
    const target = { document, uri: document.uri, range: wholeFile(document.getText()) };
    for (const problem of refused) this.#diagnostics.clear(document.uri, problem);
    return this.#reportErrors(
      refused.map((problem) => ({ target, finding: { severity: 'error', ...splitFault(problem) } })),
      1,
      task,
    );
  }

  /** The options of a target if the user chooses none: those of its comments, then the file's defaults. */
  optionsOf({ range, uri }: SqlTarget): RunOptions {
    const directives = omit(directivesOf(range.text), 'problems');
    const connection = this.#fileConnection.of(uri);
    const defaults = omit(this.#defaults.get(uri), 'connection');
    const settings = { ...defaults.settings, ...directives.settings };
    // If the file's connection no longer exists, the user is asked again.
    return {
      ...defaults,
      ...(connection === undefined ? {} : { connection }),
      ...directives,
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
    };
  }

  /** Checks the SQL and reports errors. @returns the writes to confirm, or undefined if there are errors */
  #check(sources: readonly SqlSource[], task?: TaskLaunch): UnboundedWrite[] | undefined {
    const findings = sources.flatMap(({ target, sql, sourceOffset }) =>
      checkBeforeLaunch(sql.text, sql.split).map((finding) => ({ target, sql: sql.text, finding, sourceOffset })),
    );
    const errors = findings
      .filter(({ finding }) => finding.severity === 'error')
      .map(({ target, finding, sourceOffset }) => {
        const start = sourceOffset(finding.span.start);
        const end = Math.max(sourceOffset(finding.span.end), start + 1);
        return { target, finding: { ...finding, span: { start, end } } };
      });
    if (!this.#reportErrors(errors, sources.length, task)) return undefined;
    this.#warn(
      findings.flatMap(({ target, finding }) =>
        finding.code === 'sql.limitWithoutEffect' ? [{ target, span: finding.span, text: sqlText(finding) }] : [],
      ),
      task,
    );
    return findings.flatMap(({ finding, sql }) =>
      finding.severity === 'confirm' ? [unboundedWrite(finding, sql)] : [],
    );
  }

  /** Marks all errors and shows the first. @returns whether there are none */
  #reportErrors(
    errors: readonly { readonly target: SqlTarget; readonly finding: PrelaunchFinding }[],
    total: number,
    task?: TaskLaunch,
  ): boolean {
    const [first] = errors;
    if (!first) return true;
    for (const { target, finding } of errors) {
      const runEach = finding.code === 'sql.refusesTransactionBlock' || finding.code === 'sql.transactionControl';
      this.#mark(target, finding.span, sqlText(finding), vscode.DiagnosticSeverity.Error, runEach);
    }
    if (task) {
      for (const { target, finding } of errors)
        task.report('error', sqlText(finding), locationOf(target, finding.span));
      return false;
    }
    const text = sqlText(first.finding);
    this.#showError(first.target, first.finding.span, total === 1 ? text : `${nameOf(first.target.uri)}: ${text}`);
    return false;
  }

  /** Marks a range of a target until it is edited, unless the range is empty. */
  #mark(
    { document, range }: SqlTarget,
    span: FaultSpan,
    message: string,
    severity: vscode.DiagnosticSeverity,
    runEach = false,
  ): void {
    if (!document || span.end <= span.start) return;
    const mark = { start: range.start + span.start, end: range.start + span.end };
    this.#diagnostics.add({ document, owner: mark, mark, message, severity, runEach });
  }

  /** Shows a message, and moves the cursor to the range or offers to do so. */
  #showError({ document, range: { start } }: SqlTarget, span: FaultSpan, message: string): void {
    const show = vscode.l10n.t('Show');
    const range = document && rangeOf(document, { start: start + span.start, end: start + span.end });
    const editor = vscode.window.activeTextEditor;
    if (range && editor?.document === document) {
      editor.selection = new vscode.Selection(range.start, range.end);
      editor.revealRange(range, vscode.TextEditorRevealType.InCenterIfOutsideViewport);
      void ui.showErrorMessage(message);
      return;
    }
    // Not awaited: the command is done, whenever the user reads the message.
    void ui.showErrorMessage(message, ...(document ? [show] : [])).then((choice) => {
      if (choice === show && document && range) {
        return vscode.window.showTextDocument(document, { selection: range });
      }
      return undefined;
    });
  }

  async #plan(
    sources: readonly SqlSource[],
    chosen: RunOptions | undefined,
    connections: readonly string[] | undefined,
    task: TaskLaunch | undefined,
  ): Promise<PlannedLaunch[] | undefined> {
    // The label of a task with several statements is that of their batch.
    const given = task && sources.length > 1 ? omit(task.options, 'label') : task?.options;
    const ownOf = (target: SqlTarget): RunOptions => ({ ...this.optionsOf(target), ...given });
    const planned: PlannedLaunch[] = [];
    const undecided = chosen ? sources : sources.filter(({ target }) => ownOf(target).connection === undefined);
    let picked: string | undefined;
    for (const [index, source] of sources.entries()) {
      const own = ownOf(source.target);
      const kept = sources.length > 1 && own.label !== undefined ? { label: own.label } : {};
      const options = chosen ? { ...kept, ...chosen } : own;
      let connection = connections?.[index] ?? options.connection;
      // The user is asked once for all targets without a connection.
      connection ??= picked ??= await this.#fileConnection.choose(undecided.map(({ target }) => target.uri));
      if (connection === undefined) return undefined;
      const found = this.#connections.find(connection, source.target.uri);
      if (!found) {
        throw unknownConnectionError(connection);
      }
      this.#connections.allowPrompts(found.name);
      planned.push({ ...source, options: { ...options, connection: found.name } });
    }
    // If the user chose the options, the form showed those of the comments.
    if (!chosen) {
      const warned = connections ? planned.slice(0, 1) : planned;
      this.#warnOfDirectives(
        warned.map(({ target }) => target),
        task,
      );
    }
    return planned;
  }

  /** Warns of ignored directives: a misspelled limit does not limit, but the job runs. */
  #warnOfDirectives(targets: readonly SqlTarget[], task: TaskLaunch | undefined): void {
    this.#warn(
      targets.flatMap((target) =>
        directivesOf(target.range.text).problems.flatMap((problem) => {
          // These directives are not ignored.
          if (problem.code === 'directive.labelTooLong' || problem.code === 'directive.repeated') return [];
          return [{ target, span: problem.span, text: sqlText(problem) }];
        }),
      ),
      task,
    );
  }

  /** Marks warnings and shows the first. */
  #warn(
    warnings: readonly { readonly target: SqlTarget; readonly span: FaultSpan; readonly text: string }[],
    task: TaskLaunch | undefined,
  ): void {
    const [first] = warnings;
    if (!first) return;
    for (const { target, span, text } of warnings) this.#mark(target, span, text, vscode.DiagnosticSeverity.Warning);
    if (task) {
      for (const { target, span, text } of warnings) task.report('warning', text, locationOf(target, span));
      return;
    }
    const count = warnings.length - 1;
    const more =
      count === 0
        ? ''
        : count === 1
          ? vscode.l10n.t('1 more is in the Problems panel.')
          : vscode.l10n.t('{0} more are in the Problems panel.', count);
    void ui.showWarningMessage(`${first.text} ${more}`.trim());
  }

  /**
   * Asks the user about targets that psql would run differently as part of their file: in a transaction, on another connection, or
   * with other settings.
   *
   * @returns the settings of the file for each target that should run with them; undefined if the user cancels
   */
  async #askContext(targets: readonly SqlTarget[]): Promise<ReadonlyMap<SqlTarget, SessionSettings> | undefined> {
    const sessions = new Map<SqlTarget, SessionSettings>();
    const found: {
      readonly target: SqlTarget;
      readonly finding: ContextFinding;
      readonly settings: SessionSettings;
    }[] = [];
    for (const target of targets) {
      const { source, contextAt } = target;
      if (!source || contextAt === undefined) continue;
      const state = new PsqlState(source.text, source.split, environment);
      const { findings, settings } = fileContext(source.text, source.split, contextAt, state);
      found.push(...findings.map((finding) => ({ target, finding, settings })));
    }
    const [first] = found;
    if (!first) return sessions;
    const names = found.flatMap(({ finding }) => (finding.code === 'context.settings' ? [finding.params.names] : []));
    const onlySettings = names.length === found.length;
    const key = `${first.target.uri.toString()} ${names.join()}`;
    const remembered = onlySettings ? this.#settingsAnswers.get(key) : undefined;
    const lines = found.map(({ target, finding }) => ({
      line: target.document && target.document.positionAt(finding.span.start).line + 1,
      text: sqlText(finding),
    }));
    const unique = lines.filter(({ text }, index) => lines.findIndex((line) => line.text === text) === index);
    const answer = remembered ?? (await askContext(unique, names.length > 0));
    if (!answer) return undefined;
    if (onlySettings) this.#settingsAnswers.set(key, answer);
    if (answer === 'withSettings') {
      for (const { target, finding, settings } of found) {
        if (finding.code === 'context.settings') sessions.set(target, settings);
      }
    }
    return sessions;
  }

  /** Asks for the values of variables and inserts them. */
  async #fill(
    planned: readonly PlannedLaunch[],
    sessions: ReadonlyMap<SqlTarget, SessionSettings>,
    task: TaskLaunch | undefined,
  ): Promise<PreparedLaunch[] | undefined> {
    const uses = planned.flatMap(({ sql, unset }) =>
      findParameters(sql.text, sql.split).filter(({ name }) => !unset.has(name)),
    );
    const hints = (name: string): VariableState | undefined => {
      for (const { hint } of planned) {
        const state = hint(name);
        if (state) return state;
      }
      return undefined;
    };
    const all = variablesOf(uses, hints);
    const given = task?.variables ?? new Map<string, string>();
    const variables = all.filter(({ name }) => !given.has(name));
    const asked = variables.length === 0 ? new Map<string, ParameterValue>() : await this.#values.ask(variables);
    if (!asked) return undefined;
    const values = new Map(
      [...given].map(([name, text]) => [name, givenValue(name, text, all)] as const).concat([...asked]),
    );
    return planned.map(({ target, sql: before, options, unset, sourceOffset: toSource }) => {
      const own = new Map([...values].filter(([name]) => !unset.has(name)));
      const { text: sql, sourceOffset } = substituteParameters(before.text, own, before.split);
      const { label, ...others } = options;
      const request = { ...others, sql, label: labelOf(target, label) };
      const prepared = { target, request, sourceOffset: (offset: number) => toSource(sourceOffset(offset)) };
      const session = sessions.get(target);
      if (target.step) return { ...prepared, ...(session ? { session } : {}) };
      return session ? withSession(prepared, session) : prepared;
    });
  }
}

/** The value of a variable that a task gives. */
function givenValue(name: string, text: string, variables: readonly Variable[]): ParameterValue {
  const variable = variables.find((each) => each.name === name);
  // It may only be tested whether it has a value.
  return variable ? readValue(text, variable) : text;
}

function locationOf({ document, range }: SqlTarget, { start, end }: FaultSpan): vscode.Location | undefined {
  if (!document) return undefined;
  return new vscode.Location(
    document.uri,
    rangeOf(document, { start: range.start + start, end: range.start + Math.max(start, end) }),
  );
}

/** The label of a job. It is made from the text without the values of variables, because everyone on the server can read labels. */
function labelOf({ range, uri }: SqlTarget, label: string | undefined): string {
  if (label !== undefined && label.trim() !== '') return truncateLabel(label);
  return range.kind === 'file' ? truncateLabel(nameOf(uri)) : labelFromSql(range.text);
}
