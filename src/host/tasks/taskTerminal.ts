import * as vscode from 'vscode';
import type { Clock } from '../../core/base/clock';
import { stackOf } from '../../core/base/errors';
import type { Logger } from '../../core/base/logger';
import { Disposables } from '../base/disposables';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { TaskLaunch } from '../editor/taskLaunch';
import { plainLabel } from '../base/plainText';
import { firstFailure } from '../jobs/batchText';
import { cancelOrder, unresponsiveText } from '../jobs/cancelTexts';
import { defaultGraceMs, type Canceling } from '../jobs/canceling';
import { stuckReasonOf } from '../../core/jobs/cancel/stuckReason';
import { errorText, faultText } from '../messages/faultText';
import { shownNotices } from '../messages/jobInfo';
import * as ui from '../base/ui';
import { batchEnd, endText, launchedText, noticeText, resultsLink, statementEndText, statusText } from './taskTexts';
import { styled, TerminalLines, terminalLine, terminalText } from './terminalText';

/** At most this many messages, and ends of statements, are shown. The results panel shows all. */
const MAX_SHOWN = 1000;

/**
 * A terminal that fails within 500 ms after it was opened is reported by VS Code as one that “failed to launch” (`ErrorLaunchThresholdDuration`
 * in its source), which would not be true. Milliseconds.
 */
const LAUNCHED_MS = 700;

const CTRL_C = '\x03';

/** What a terminal needs from the other parts. */
export interface TaskTerminalParts {
  readonly jobs: JobService;
  readonly canceling: Canceling;
  readonly log: Logger;
  readonly clock: Clock;
  /** Launches jobs. @returns their ids */
  readonly launch: (task: TaskLaunch) => Promise<readonly string[]>;
  /** The place of a job's error, as `path:line:column`. */
  readonly placeOf: (job: Job) => Promise<string | undefined>;
  /** Called with each job whose results a link in the terminal opens. */
  readonly linked: (id: string) => void;
}

/** What a task launches, without what its terminal adds. */
export type PreparedTask = Omit<TaskLaunch, 'report' | 'isWanted'>;

/** The terminal of a task: launches its jobs, shows what they report, and ends with exit code 0 only if all have succeeded. */
export class TaskTerminal implements vscode.Pseudoterminal {
  readonly #written = new vscode.EventEmitter<string>();
  readonly #ended = new vscode.EventEmitter<number>();
  readonly onDidWrite = this.#written.event;
  readonly onDidClose = this.#ended.event;
  readonly #lines = new TerminalLines((text) => this.#written.fire(text));
  readonly #disposables = new Disposables();
  readonly #parts: TaskTerminalParts;
  readonly #name: string;
  readonly #prepare: () => Promise<PreparedTask>;
  /** The jobs, once they are launched. */
  #jobs: readonly Job[] = [];
  /** The numbers of messages that were shown, by job. */
  readonly #noticesShown = new Map<string, number>();
  #shown = 0;
  #skipped = 0;
  /** While it is launching, it is too late to launch nothing. */
  #state: 'preparing' | 'launching' | 'running' | 'over' = 'preparing';
  #canceling = false;
  #openedAt = 0;

  /**
   * @param name of the task
   * @param prepare reads the definition of the task; throws with a message for the user if it is invalid
   */
  constructor(parts: TaskTerminalParts, name: string, prepare: () => Promise<PreparedTask>) {
    this.#parts = parts;
    this.#name = name;
    this.#prepare = prepare;
  }

  open(dimensions: vscode.TerminalDimensions | undefined): void {
    this.#openedAt = this.#parts.clock.monotonic();
    if (dimensions) this.setDimensions(dimensions);
    this.#run().catch((error: unknown) => {
      this.#parts.log.error(`The task “${this.#name}” failed: ${stackOf(error)}`);
      this.#lines.status('');
      this.#lines.line(`${styled('red', 'ERROR:')}  ${terminalText(errorText(error))}`);
      this.#end(1);
    });
  }

  setDimensions({ columns }: vscode.TerminalDimensions): void {
    this.#lines.resize(columns);
  }

  handleInput(data: string): void {
    if (!data.includes(CTRL_C)) return;
    if (this.#state === 'preparing') {
      this.#lines.line(vscode.l10n.t('Canceled before it was launched.'));
      this.#end(1);
    } else if (this.#state !== 'over' && !this.#canceling) {
      this.#canceling = true;
      if (this.#state === 'running') void this.#cancel();
    }
  }

  /** The user closed the terminal, or ended the task. That alone cancels nothing. */
  close(): void {
    const before = this.#state;
    this.#state = 'over';
    this.#dispose();
    // If it is launching, the question follows.
    if (before === 'running') void this.#askWhetherToCancel();
  }

  async #run(): Promise<void> {
    const task = await this.#prepare();
    const ids = await this.#parts.launch({
      ...task,
      report: (severity, text, at) => this.#report(severity, text, at),
      isWanted: () => this.#isWanted(),
    });
    const { jobs } = this.#parts;
    this.#jobs = ids.flatMap((id) => jobs.get(id) ?? []);
    if (this.#isOver) {
      await this.#askWhetherToCancel();
      return;
    }
    if (this.#jobs.length === 0) {
      this.#lines.line(styled('yellow', vscode.l10n.t('Nothing was launched.')));
      this.#end(1);
      return;
    }
    this.#state = 'running';
    this.#lines.line(launchedText(this.#jobs));
    const own = new Set<string>(ids);
    this.#disposables.add(
      jobs.onDidChange((job) => {
        if (own.has(job.id)) this.#update(job);
      }),
    );
    for (const job of this.#jobs) this.#update(job);
    if (this.#canceling) void this.#cancel();
    await Promise.all(this.#jobs.map((job) => job.ended.then(() => this.#jobEnded(job))));
    this.#finish();
  }

  #isWanted(): boolean {
    if (this.#state === 'preparing') this.#state = 'launching';
    return this.#state === 'launching' && !this.#canceling;
  }

  get #isOver(): boolean {
    return this.#state === 'over';
  }

  #report(severity: 'error' | 'warning' | 'info', text: string, at: vscode.Location | undefined): void {
    if (this.#isOver) return;
    const heading =
      severity === 'error'
        ? `${styled('red', 'ERROR:')}  `
        : severity === 'warning'
          ? `${styled('yellow', 'WARNING:')}  `
          : '';
    this.#lines.line(
      `${at ? `${terminalLine(placeText(at.uri, at.range.start))}: ` : ''}${heading}${terminalText(text)}`,
    );
  }

  #update(job: Job): void {
    if (this.#state !== 'running') return;
    this.#showNotices(job);
    this.#lines.status(statusText(this.#jobs, ({ id }) => this.#parts.jobs.queuePosition(id)));
  }

  /** Shows the messages that are new, up to a limit. */
  #showNotices(job: Job): void {
    const before = this.#noticesShown.get(job.id) ?? 0;
    const { noticeCount, label } = job.record;
    if (noticeCount <= before) return;
    this.#noticesShown.set(job.id, noticeCount);
    const room = MAX_SHOWN - this.#shown;
    if (room <= 0) {
      this.#skipped += noticeCount - before;
      return;
    }
    const held = job.notices;
    const fresh = shownNotices(held.slice(Math.max(0, before - (noticeCount - held.length)))).slice(0, room);
    for (const notice of fresh) this.#lines.line(noticeText(notice, this.#jobs.length > 1 ? label : undefined));
    this.#shown += fresh.length;
    this.#skipped += noticeCount - before - fresh.length;
  }

  async #jobEnded(job: Job): Promise<void> {
    const place = job.state === 'failed' ? await this.#parts.placeOf(job).catch(() => undefined) : undefined;
    if (this.#state !== 'running') return;
    this.#showNotices(job);
    if (this.#jobs.length === 1) {
      this.#lines.status('');
      this.#lines.line(endText(job, place));
    } else if (job.state !== 'succeeded' || this.#shown++ < MAX_SHOWN) {
      this.#lines.line(statementEndText(job, place));
      this.#update(job);
    }
  }

  #finish(): void {
    if (this.#state !== 'running') return;
    this.#lines.status('');
    if (this.#jobs.length > 1) this.#lines.line(batchEnd(this.#jobs));
    if (this.#skipped > 0) {
      this.#lines.line(
        this.#skipped === 1
          ? vscode.l10n.t('1 more message is in the results.')
          : vscode.l10n.t('{0} more messages are in the results.', this.#skipped),
      );
    }
    const shown = firstFailure(this.#jobs) ?? this.#jobs.at(-1);
    if (shown) {
      this.#parts.linked(shown.id);
      this.#lines.line(resultsLink(shown.id));
    }
    this.#end(this.#jobs.every(({ state }) => state === 'succeeded') ? 0 : 1);
  }

  #end(code: number): void {
    this.#state = 'over';
    this.#dispose();
    const { clock } = this.#parts;
    const rest = code === 0 ? 0 : this.#openedAt + LAUNCHED_MS - clock.monotonic();
    if (rest > 0) clock.after(rest, () => this.#ended.fire(code));
    else this.#ended.fire(code);
  }

  /** Cancels with the grace window. How each job ends is shown when it has ended. */
  async #cancel(): Promise<void> {
    const graceMs = defaultGraceMs();
    this.#lines.line(vscode.l10n.t('Canceling: the worker has {0} s to stop.', graceMs / 1000));
    await Promise.all(cancelOrder(this.#living).map((job) => this.#cancelJob(job, graceMs)));
    this.#canceling = false;
  }

  async #cancelJob(job: Job, graceMs: number): Promise<void> {
    const { jobs } = this.#parts;
    try {
      if ((await jobs.cancel(job.id, graceMs)) === 'stopped' || job.final || this.#isOver) return;
      const { label, pid, reason } = job.record;
      const why = reason ?? stuckReasonOf(jobs.activity(job) ?? null, []);
      const text = unresponsiveText(label, pid, graceMs, faultText(why));
      this.#lines.line(`${styled('yellow', 'WARNING:')}  ${terminalText(text)}`);
    } catch (error) {
      if (this.#isOver) return;
      const text = vscode.l10n.t('“{0}” could not be canceled: {1}', plainLabel(job.record.label), errorText(error));
      this.#lines.line(`${styled('red', 'ERROR:')}  ${terminalText(text)}`);
    }
  }

  async #askWhetherToCancel(): Promise<void> {
    if (this.#living.length === 0) return;
    const keep = vscode.l10n.t('Keep Running');
    const one = this.#living.length === 1;
    const cancel = one ? vscode.l10n.t('Cancel Job') : vscode.l10n.t('Cancel Jobs');
    const choice = await ui.showWarningMessage(
      one
        ? vscode.l10n.t('The terminal of the task “{0}” is closed. Its job keeps running.', plainLabel(this.#name))
        : vscode.l10n.t(
            'The terminal of the task “{0}” is closed. Its {1} jobs keep running.',
            plainLabel(this.#name),
            this.#living.length,
          ),
      keep,
      cancel,
    );
    if (choice === cancel) await this.#parts.canceling.cancelJobs(cancelOrder(this.#living));
  }

  get #living(): readonly Job[] {
    return this.#jobs.filter(({ final }) => !final);
  }

  #dispose(): void {
    this.#disposables.dispose();
  }
}

/** A place in a file as VS Code finds it in a terminal: relative to the workspace folder. */
export function placeText(uri: vscode.Uri, { line, character }: vscode.Position): string {
  return `${vscode.workspace.asRelativePath(uri)}:${line + 1}:${character + 1}`;
}
