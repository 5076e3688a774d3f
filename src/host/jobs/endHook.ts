/** Runs the user's command when a job has ended (setting `pgBackground.onJobEnd`). Loaded with the first job for which there is one. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import * as vscode from 'vscode';
import { messageOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import type { Job } from '../../core/jobs/job';
import { shorten, neutralMoreText } from '../../shared/displayText';
import { plain } from '../base/plainText';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import { shownError } from '../messages/jobInfo';

/** How long a command may run. Milliseconds. */
const TIMEOUT_MS = 60_000;
/** How many commands run at once. The others wait. */
const MAX_RUNNING = 2;
/** Maximum length of a command's output in the log, and of each text in the JSON. UTF-16 units. */
const MAX_OUTPUT = 4000;
const MAX_TEXT = 4000;

/** Runs the command, one job at a time, and reports failures: each in the log, the first one also to the user. */
export class EndHook {
  readonly #log: Logger;
  readonly #waiting: { readonly command: readonly string[]; readonly input: string; readonly label: string }[] = [];
  #running = 0;
  #warned = false;

  constructor(log: Logger) {
    this.#log = log;
  }

  /** @param command the value of the setting, which may be anything */
  run(command: unknown, job: Job): void {
    if (!isCommand(command)) {
      this.#report(job.record.label, { text: vscode.l10n.t('It must be a list of texts.'), output: '' });
      return;
    }
    this.#waiting.push({ command, input: `${JSON.stringify(endedJob(job))}\n`, label: job.record.label });
    this.#next();
  }

  #next(): void {
    if (this.#running >= MAX_RUNNING) return;
    const next = this.#waiting.shift();
    if (!next) return;
    this.#running++;
    const { command, input, label } = next;
    void runCommand(command, input).then((problem) => {
      this.#running--;
      if (problem) this.#report(label, problem);
      this.#next();
    });
  }

  #report(label: string, { text, output }: CommandProblem): void {
    this.#log.warn(
      `The command of pgBackground.onJobEnd failed for “${label}”: ${text}${output === '' ? '' : `\n${output}`}`,
    );
    if (this.#warned) return;
    this.#warned = true;
    const showLog = vscode.l10n.t('Show Log');
    const warning = vscode.l10n.t(
      'The command of the setting pgBackground.onJobEnd failed: {0} Later failures are only in the log.',
      plain(text, 300),
    );
    void ui.showWarningMessage(warning, showLog).then((choice) => {
      if (choice === showLog) return vscode.commands.executeCommand('pgBackground.showLog');
      return undefined;
    });
  }
}

function isCommand(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((part) => typeof part === 'string');
}

interface CommandProblem {
  readonly text: string;
  readonly output: string;
}

/**
 * Runs a command, without a shell, with a text on its standard input.
 * @returns what went wrong, or undefined
 */
export function runCommand(
  [program = '', ...args]: readonly string[],
  input: string,
  timeoutMs = TIMEOUT_MS,
): Promise<CommandProblem | undefined> {
  return new Promise((resolve) => {
    let output = '';
    const collect = (data: Buffer): void => {
      if (output.length < MAX_OUTPUT) output = (output + data.toString()).slice(0, MAX_OUTPUT);
    };
    const done = (text: string | undefined): void => {
      clearTimeout(timer);
      resolve(text === undefined ? undefined : { text, output: output.trim() });
    };
    let child: ChildProcessWithoutNullStreams;
    try {
      child = spawn(program, args, { shell: false, windowsHide: true, stdio: 'pipe' });
    } catch (error) {
      // Such as an empty name.
      resolve({ text: notStarted(program, error), output });
      return;
    }
    // Its children may keep the pipes open, so that it does not close.
    const timer = setTimeout(() => {
      child.kill();
      for (const stream of [child.stdin, child.stdout, child.stderr]) stream.destroy();
      done(vscode.l10n.t('“{0}” did not end within {1} s and was stopped.', program, timeoutMs / 1000));
    }, timeoutMs);
    child.on('error', (error) => done(notStarted(program, error)));
    child.on('close', (code, signal) =>
      done(
        code === 0
          ? undefined
          : code === null
            ? vscode.l10n.t('“{0}” was ended by {1}.', program, signal ?? '?')
            : vscode.l10n.t('“{0}” ended with exit code {1}.', program, code),
      ),
    );
    child.stdout.on('data', collect);
    child.stderr.on('data', collect);
    // A command that does not read its input is fine.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}

function notStarted(program: string, error: unknown): string {
  return vscode.l10n.t('“{0}” could not be started ({1}).', program, messageOf(error));
}

/**
 * What the command receives; see docs/TASKS.md, which is a contract: fields are added, never changed or removed, within a version. Not the
 * SQL, rows, messages, or details of errors: they may contain secrets.
 */
export function endedJob({ record }: Job): object {
  const { id, label, connection, state, queuedAt, launchedAt, finishedAt, rowCount, commandTag, reason, batch } =
    record;
  const error = record.error && shownError(record.error);
  const short = (text: string): string => shorten(text, MAX_TEXT, neutralMoreText);
  const time = (at: number): string => new Date(at).toISOString();
  return {
    version: 1,
    event: 'jobEnded',
    job: {
      id,
      label,
      connection,
      state,
      durable: record.durable !== undefined,
      queuedAt: time(queuedAt),
      ...(launchedAt === undefined ? {} : { launchedAt: time(launchedAt) }),
      ...(finishedAt === undefined ? {} : { finishedAt: time(finishedAt) }),
      ...(launchedAt === undefined || finishedAt === undefined
        ? {}
        : { durationMs: Math.round(finishedAt - launchedAt) }),
      ...(rowCount === undefined ? {} : { rowCount }),
      ...(commandTag === undefined ? {} : { commandTag }),
      ...(error && { error: { sqlstate: error.sqlstate, message: short(error.message) } }),
      ...(reason && { reason: short(faultText(reason)) }),
      ...(batch && { batch: { id: batch.id, label: batch.label, index: batch.index, count: batch.count } }),
    },
    workspace: vscode.workspace.name ?? null,
  };
}
