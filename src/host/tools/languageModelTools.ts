import { createHash } from 'node:crypto';
import * as vscode from 'vscode';
import { elapses, systemClock } from '../../core/base/clock';
import { FaultError } from '../../core/base/fault';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import { fitted } from '../../core/tools/budget';
import type { ToolFault } from '../../core/tools/faults';
import { checkedInput } from '../../core/tools/inputs';
import { readSetting } from '../base/settings';
import type { Connections } from '../connections/connections';
import type { Launcher } from '../launch/launcher';
import { toolErrorText } from '../messages/toolMessages';
import { planLaunch, type LaunchPlan } from './launchPlan';
import * as questions from './toolQuestions';
import * as results from './toolResults';

export interface ToolParts {
  readonly jobs: JobService;
  readonly launcher: Launcher;
  readonly connections: Connections;
  readonly files: SpoolFiles;
  /** Resolves when the jobs of earlier sessions are known. */
  readonly restored: Promise<void>;
}

type Name = 'run' | 'status' | 'rows' | 'cancel' | 'list';

/** Confirmations of VS Code that were not followed by an invocation, because the user declined, are forgotten beyond this number. */
const MAX_PREPARED = 100;

/**
 * The tools for language models (docs/AGENTS.md). A model may be misled by what it reads, so nothing depends on its good will: its SQL runs
 * read-only, the user sees the SQL before it runs, and what VS Code may confirm automatically needs our own dialog if it is dangerous.
 */
export class LanguageModelTools {
  /** What VS Code asked the user, see {@link #wasAsked}. */
  readonly #asked: string[] = [];
  /** Ids of the user's jobs on production connections that the user lets models see. */
  readonly #readable = new Set<string>();

  readonly #parts: ToolParts;

  constructor(parts: ToolParts) {
    this.#parts = parts;
  }

  /** Describes an invocation. If it is invalid, {@link invoke} reports it. */
  async prepare(name: Name, input: unknown): Promise<vscode.PreparedToolInvocation> {
    try {
      checkAllowed();
      switch (name) {
        case 'run': {
          const plan = planLaunch(this.#parts.connections, checkedInput('pgbackground_run', input));
          this.#noteAsked(launchKey(plan));
          const invocationMessage = vscode.l10n.t('Launching SQL on “{0}”', plan.connection.name);
          return { invocationMessage, confirmationMessages: questions.launchConfirmation(plan) };
        }
        case 'status':
        case 'rows': {
          const { id } =
            name === 'rows' ? checkedInput('pgbackground_rows', input) : checkedInput('pgbackground_status', input);
          const job = await this.#job(id);
          const invocationMessage =
            name === 'rows'
              ? vscode.l10n.t('Reading rows of “{0}”', job.record.label)
              : vscode.l10n.t('Waiting for “{0}”', job.record.label);
          if (!isUsers(job)) return { invocationMessage };
          this.#noteAsked(readKey(job));
          return { invocationMessage, confirmationMessages: questions.readConfirmation(job) };
        }
        case 'cancel': {
          const job = await this.#job(checkedInput('pgbackground_cancel', input).id);
          return { invocationMessage: vscode.l10n.t('Canceling “{0}”', job.record.label) };
        }
        case 'list':
          return {};
      }
    } catch {
      return {};
    }
  }

  /** @throws Error with a sentence for the model */
  async invoke(
    name: Name,
    { input, tokenizationOptions: tokens }: vscode.LanguageModelToolInvocationOptions<object>,
    token: vscode.CancellationToken,
  ): Promise<vscode.LanguageModelToolResult> {
    try {
      checkAllowed();
      const render = await this.#run(name, input, token);
      const budget = tokens && { tokens: tokens.tokenBudget, count: (text: string) => tokens.countTokens(text, token) };
      const text = await fitted(render, budget);
      return new vscode.LanguageModelToolResult([new vscode.LanguageModelTextPart(text)]);
    } catch (error) {
      if (error instanceof vscode.CancellationError) throw error;
      throw new Error(toolErrorText(error), { cause: error });
    }
  }

  async #run(name: Name, input: unknown, token: vscode.CancellationToken): Promise<results.Render> {
    const { jobs, files, connections } = this.#parts;
    switch (name) {
      case 'run':
        return this.#launch(input, token);
      case 'status': {
        const { id, waitSeconds } = checkedInput('pgbackground_status', input);
        const job = await this.#readableJob(id, token);
        await this.#wait(job, waitSeconds * 1000, token);
        return results.status(job, jobs);
      }
      case 'rows': {
        const page = checkedInput('pgbackground_rows', input);
        return results.rows(await this.#readableJob(page.id, token), files, page);
      }
      case 'cancel': {
        const job = await this.#job(checkedInput('pgbackground_cancel', input).id);
        if (job.final) return results.canceled(job, 'alreadyEnded');
        if (isUsers(job)) await questions.askToCancel(job);
        checkNotCanceled(token);
        return results.canceled(job, await jobs.cancel(job.id));
      }
      case 'list': {
        checkedInput('pgbackground_list', input);
        await this.#parts.restored;
        return results.list(connections.profiles, connections.defaultForCode, jobs.jobs.filter(isVisible));
      }
    }
  }

  async #launch(input: unknown, token: vscode.CancellationToken): Promise<results.Render> {
    const { connections, launcher } = this.#parts;
    const request = checkedInput('pgbackground_run', input);
    const plan = planLaunch(connections, request);
    // If the connection was changed meanwhile, the user confirmed something else.
    const confirmed = this.#wasAsked(launchKey(plan));
    if (!confirmed || plan.mayWrite || plan.connection.production === true) await questions.askToLaunch(plan);
    checkNotCanceled(token);
    // Everything again: the user may have taken minutes to answer.
    checkAllowed();
    const current = planLaunch(connections, request);
    if (launchKey(current) !== launchKey(plan)) throw new FaultError<ToolFault>({ code: 'tools.changed' });
    const { sql, label, connection, mayWrite } = plan;
    const checked = launcher.checked({ sql, label, connection: connection.name, readOnly: !mayWrite, durable: false });
    const job = await launcher.launch({ ...checked, launchedBy: 'tool' });
    await job.saved;
    return results.launched(job, plan);
  }

  /** Resolves when the job has ended, when it cannot end by itself, or after a time. */
  async #wait(job: Job, ms: number, token: vscode.CancellationToken): Promise<void> {
    if (job.final || ms === 0 || (job.state === 'queued' && job.record.held)) return;
    let canceling: vscode.Disposable | undefined;
    const canceled = new Promise<void>((resolve) => {
      canceling = token.onCancellationRequested(() => resolve());
    });
    await elapses(systemClock, ms, [job.ended, canceled]);
    canceling?.dispose();
    checkNotCanceled(token);
  }

  /** A job that the model may read: one of its own, or one that the user lets it see. */
  async #readableJob(id: string, token: vscode.CancellationToken): Promise<Job> {
    const job = await this.#job(id);
    if (!isUsers(job)) return job;
    const confirmed = this.#wasAsked(readKey(job));
    // A connection that was removed may have been a production connection.
    const profile = this.#parts.connections.find(job.record.connection);
    const production = profile === undefined || profile.production === true;
    if ((!confirmed || production) && !this.#readable.has(id)) {
      await questions.askToRead(job);
      this.#readable.add(id);
    }
    checkNotCanceled(token);
    return job;
  }

  /** @throws FaultError if tools do not see such a job */
  async #job(id: string): Promise<Job> {
    const { jobs, restored } = this.#parts;
    if (!jobs.get(id)) await restored;
    const job = jobs.get(id);
    if (!job || !isVisible(job)) throw new FaultError<ToolFault>({ code: 'tools.unknownJob', params: { id } });
    return job;
  }

  #noteAsked(key: string): void {
    this.#asked.push(key);
    if (this.#asked.length > MAX_PREPARED) this.#asked.shift();
  }

  /** Whether VS Code asked exactly this before. Editors built from VS Code may invoke tools without preparing them. */
  #wasAsked(key: string): boolean {
    const index = this.#asked.indexOf(key);
    if (index >= 0) this.#asked.splice(index, 1);
    return index >= 0;
  }
}

/** Durable jobs belong to the server, not to the workspace: others may have launched them. */
function isVisible({ record }: Job): boolean {
  return record.durable === undefined;
}

function isUsers(job: Job): boolean {
  return results.launchedBy(job) === 'user';
}

/** Identifies a launch with everything that the user confirms. */
function launchKey({ sql, label, connection, mayWrite }: LaunchPlan): string {
  const text = JSON.stringify(['run', sql, label, connection, mayWrite !== undefined]);
  return createHash('sha256').update(text).digest('hex');
}

function readKey({ id }: Job): string {
  return `read ${id}`;
}

function checkAllowed(): void {
  if (!vscode.workspace.isTrusted) throw new FaultError<ToolFault>({ code: 'tools.untrusted' });
  if (!readSetting('languageModelTools.enabled')) throw new FaultError<ToolFault>({ code: 'tools.disabled' });
}

function checkNotCanceled(token: vscode.CancellationToken): void {
  if (token.isCancellationRequested) throw new vscode.CancellationError();
}
