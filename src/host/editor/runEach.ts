import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { readSetting } from '../base/settings';
import { plain } from '../base/plainText';
import type { PreparedLaunch } from './preparedLaunch';
import { withSession } from './scriptSession';
import { copiesText, skippedText } from '../messages/editorTexts';
import { effectsOf } from '../../core/sql/settings/sessionEffects';
import { SessionSettings } from '../../core/sql/settings/sessionSettings';
import * as ui from '../base/ui';

/** Whether to run the statements after one that did not succeed. */
export type OnFailure = 'stop' | 'continue';

export interface SequenceOptions {
  /** The number of skipped psql commands. */
  readonly skipped: number;
  /** The number of COPY … FROM STDIN sent as INSERTs. */
  readonly copies: number;
  start(prepared: PreparedLaunch): Job | Promise<Job>;
  /** Cancels a job and reports the result to the user. */
  cancel(job: Job): Promise<void>;
}

/** Identifies the file of a launch: in psql, the statements of a file share a session. */
function fileOf({ target }: PreparedLaunch): unknown {
  return target.source ?? target.uri.toString();
}

/** Groups launches by file. */
export function groupByFile(all: readonly PreparedLaunch[]): (readonly PreparedLaunch[])[] {
  const groups = new Map<unknown, PreparedLaunch[]>();
  for (const prepared of all) {
    const group = groups.get(fileOf(prepared));
    if (group) group.push(prepared);
    else groups.set(fileOf(prepared), [prepared]);
  }
  return [...groups.values()];
}

/**
 * Runs jobs one after the other, until one does not succeed (depending on the setting or the user's answer) or the user cancels.
 * @returns the ids of the launched jobs, after the last one has ended
 */
export async function runInOrder(all: readonly PreparedLaunch[], options: SequenceOptions): Promise<string[]> {
  const onFailure = all.length === 1 ? 'stop' : await askOnFailure();
  if (!onFailure) return [];
  const jobs: Job[] = [];
  const sessions = new Map<unknown, SessionSettings>();
  let canceled = false;
  await ui.withProgress(
    {
      location: vscode.ProgressLocation.Notification,
      title: vscode.l10n.t('Running each statement'),
      cancellable: true,
    },
    async (progress, token) => {
      token.onCancellationRequested(() => {
        canceled = true;
        const job = jobs.at(-1);
        if (job && !job.final) void options.cancel(job);
      });
      for (const [index, next] of all.entries()) {
        const session = sessions.get(fileOf(next)) ?? next.session ?? new SessionSettings();
        sessions.set(fileOf(next), session);
        const prepared = withSession(next, session);
        progress.report({
          message: vscode.l10n.t('{0} of {1}: {2}', index + 1, all.length, plain(prepared.request.label)),
          increment: index === 0 ? 0 : 100 / all.length,
        });
        const job = await options.start(prepared);
        jobs.push(job);
        await job.ended;
        // As in psql, a failed statement sets nothing.
        if (job.state === 'succeeded') session.apply(effectsOf(next.request.sql));
        if (canceled || (onFailure === 'stop' && job.state !== 'succeeded')) break;
      }
    },
  );
  showSummary(jobs, all.length, options, canceled);
  return jobs.map(({ id }) => id);
}

/** The setting, or the user's answer. @returns undefined if the user cancels */
async function askOnFailure(): Promise<OnFailure | undefined> {
  const setting = readSetting('onStatementFailure');
  if (setting !== 'ask') return setting;
  const items: readonly (vscode.QuickPickItem & { readonly value: OnFailure; readonly always: boolean })[] = [
    { label: vscode.l10n.t('Stop at the first failure'), value: 'stop', always: false },
    { label: vscode.l10n.t('Continue with the next statement'), value: 'continue', always: false },
    { label: vscode.l10n.t('Always stop at the first failure'), value: 'stop', always: true },
    { label: vscode.l10n.t('Always continue with the next statement'), value: 'continue', always: true },
  ];
  const picked = await ui.showQuickPick(items, {
    title: vscode.l10n.t('Run Each Statement in Background'),
    placeHolder: vscode.l10n.t('What if a statement fails?'),
  });
  if (picked?.always) {
    await vscode.workspace
      .getConfiguration('pgBackground')
      .update('onStatementFailure', picked.value, vscode.ConfigurationTarget.Global);
  }
  return picked?.value;
}

function showSummary(
  jobs: readonly Job[],
  total: number,
  { skipped, copies }: SequenceOptions,
  canceled: boolean,
): void {
  const failed = jobs.filter((job) => job.state !== 'succeeded');
  const left = total - jobs.length;
  const parts = [
    failed.length === 0
      ? total === 1
        ? vscode.l10n.t('The statement succeeded.')
        : vscode.l10n.t('{0} of {1} statements succeeded.', jobs.length, total)
      : vscode.l10n.t(
          '{0} of {1} statements succeeded, {2} did not.',
          jobs.length - failed.length,
          total,
          failed.length,
        ),
  ];
  const last = jobs.at(-1);
  if (left > 0 && !canceled && last) {
    parts.push(
      left === 1
        ? vscode.l10n.t('Stopped at “{0}”; 1 statement was not run.', last.record.label)
        : vscode.l10n.t('Stopped at “{0}”; {1} statements were not run.', last.record.label, left),
    );
  } else if (left > 0) {
    parts.push(
      left === 1 ? vscode.l10n.t('1 statement was not run.') : vscode.l10n.t('{0} statements were not run.', left),
    );
  }
  if (skipped > 0) parts.push(skippedText(skipped));
  if (copies > 0) parts.push(copiesText(copies));
  const text = parts.join(' ');
  if (failed.length > 0 && !canceled) void ui.showWarningMessage(plain(text));
  else void ui.showInformationMessage(plain(text));
}
