import * as vscode from 'vscode';
import type { JobState } from '../../../api';
import type { Job } from '../../../core/jobs/job';
import type { JobService } from '../../../core/jobs/jobService';
import type { ActiveWorker } from '../../../core/jobs/ports';
import { mayHaveWorker } from '../../../core/jobs/states';
import { labelFromSql } from '../../../core/sql/labels';
import { formatDate, formatSpan, formatTime } from '../../../shared/timeText';
import { commandId } from '../../base/commandIds';
import { Markdown } from '../../base/ui';
import { objectsOf, shortErrorText } from '../../jobs/jobErrorText';
import { faultText } from '../../messages/faultText';
import { jobSummary, join, rowsText, stateName } from '../../jobs/jobText';
import { waitedText } from '../../jobs/waitedText';
import { slowerText, usualText } from '../../jobs/usualText';
import { workKinds } from '../workKinds';

export const ICONS: Record<JobState, vscode.ThemeIcon> = {
  queued: new vscode.ThemeIcon('clock'),
  launching: new vscode.ThemeIcon('sync~spin'),
  running: new vscode.ThemeIcon('sync~spin'),
  reading: new vscode.ThemeIcon('sync~spin'),
  canceling: new vscode.ThemeIcon('sync~spin', new vscode.ThemeColor('charts.yellow')),
  unresponsive: new vscode.ThemeIcon('warning', new vscode.ThemeColor('list.warningForeground')),
  detached: new vscode.ThemeIcon('debug-disconnect'),
  succeeded: new vscode.ThemeIcon('pass', new vscode.ThemeColor('testing.iconPassed')),
  failed: new vscode.ThemeIcon('error', new vscode.ThemeColor('testing.iconFailed')),
  canceled: new vscode.ThemeIcon('circle-slash'),
  lost: new vscode.ThemeIcon('question', new vscode.ThemeColor('list.warningForeground')),
  finished: new vscode.ThemeIcon('question'),
};

/** Length to which a label made from the SQL is cut, so that a side bar of default width has room for the state. UTF-16 units. */
const MAX_AUTOMATIC_LABEL = 18;

/** What the row shows in addition to the record. */
export type JobFacts = Pick<JobService, 'queuePosition' | 'activity' | 'usualDuration' | 'batchOf'>;

/** A job of this window. */
export class JobNode {
  #rowLabel: string | undefined;

  readonly #jobs: JobFacts;

  constructor(
    readonly job: Job,
    jobs: JobFacts,
  ) {
    this.#jobs = jobs;
  }

  item(): vscode.TreeItem {
    const { record } = this.job;
    const now = Date.now();
    const item = new vscode.TreeItem(this.#labelText(), vscode.TreeItemCollapsibleState.None);
    item.id = `job:${record.id}`;
    const summary = jobSummary(this.job, now, this.#jobs.queuePosition(record.id));
    const worker = this.#jobs.activity(this.job);
    const pinned = this.job.pinned ? vscode.l10n.t('pinned') : '';
    const durable = durableText(record);
    const agent = agentText(record);
    const usual = this.#jobs.usualDuration(this.job);
    const slower = slowerText(record, usual, now);
    const kind = record.state === 'running' ? worker?.kind : undefined;
    const kinds = worker && workKinds();
    const works = (kind && kinds?.kindName(kind)) ?? '';
    const blocks = kinds?.blockingText(worker?.blocking) ?? '';
    const pid = record.pid === undefined ? '' : String(record.pid);
    // Jobs of earlier days are listed below their day.
    const { finishedAt: end } = record;
    const ended = end === undefined ? '' : formatTime(end, end, vscode.env.language);
    item.description = join(
      pinned,
      works,
      blocks,
      summary.problem,
      summary.short,
      slower,
      durable,
      agent,
      pid,
      ended,
      summary.progress,
    );
    item.iconPath = (kind && kinds?.kindIcon(kind, blocks !== '')) ?? ICONS[record.state];
    item.contextValue = this.#contextWords().join(' ');
    item.tooltip = this.#tooltip(worker, usual && join(usualText(usual), slower));
    item.accessibilityInformation = {
      label: join(
        record.label,
        stateName(record.state),
        works,
        blocks,
        summary.short,
        slower,
        durable,
        agent,
        pinned,
        record.pid === undefined ? '' : vscode.l10n.t('process {0}', record.pid),
        summary.problem,
        summary.progress,
      ),
    };
    item.command = { command: commandId('previewResults'), title: vscode.l10n.t('Show Results'), arguments: [this] };
    return item;
  }

  /** The label, shortened unless the user chose it. */
  #labelText(): string {
    const { label, request } = this.job.record;
    if (this.#rowLabel === undefined) {
      const automatic = label.length > MAX_AUTOMATIC_LABEL && label === labelFromSql(request.sql);
      this.#rowLabel = automatic ? `${label.slice(0, MAX_AUTOMATIC_LABEL - 1).trimEnd()}…` : label;
    }
    return this.#rowLabel;
  }

  /** The words that the menus in package.json match. */
  #contextWords(): string[] {
    const { record } = this.job;
    // The order of a durable batch is fixed.
    const words = ['job', 'sql', record.durable && record.state === 'queued' ? 'waiting' : record.state];
    if (record.pid !== undefined) words.push('pid');
    const batch = this.#jobs.batchOf(this.job);
    if (!this.job.final) words.push('cancelable');
    else {
      words.push('rerunnable');
      // The job of a batch can be cleared when the batch has ended.
      if (batch.every(({ final }) => final)) words.push('finished');
    }
    // Only one batch can run after a durable job.
    const followed = record.durable !== undefined && batch.length > 0;
    if (!this.job.final && record.batch === undefined && !followed) words.push('followable');
    if (record.pid !== undefined && mayHaveWorker(record.state)) words.push('active');
    if (record.state === 'running' && !record.durable) words.push('detachable');
    if (record.columns !== undefined || record.error !== undefined || record.noticeCount > 0) words.push('hasResults');
    if (this.job.final && record.columns !== undefined) words.push('comparable');
    if (record.invalidIndexes) words.push('invalidIndex');
    if (record.durable) words.push('durable');
    words.push(this.job.pinned ? 'pinned' : 'unpinned');
    return words;
  }

  /** @param usual how long earlier runs took */
  #tooltip(worker: ActiveWorker | undefined, usual: string | undefined): vscode.MarkdownString {
    const { record } = this.job;
    const { launchedAt, finishedAt, error } = record;
    const tooltip = new Markdown();
    const pinned = this.job.pinned ? vscode.l10n.t('pinned') : '';
    tooltip
      .own('**')
      .text(record.label)
      .own('** ')
      .text(join(stateName(record.state), durableText(record), agentText(record), pinned))
      .own('\n\n');
    if (record.reason !== undefined) tooltip.text(faultText(record.reason)).own('\n\n');
    tooltip.fact('pid', record.pid?.toString());
    tooltip.fact(vscode.l10n.t('Connection'), record.connection);
    tooltip.fact(
      vscode.l10n.t('Launched'),
      launchedAt === undefined ? undefined : formatDate(launchedAt, vscode.env.language),
    );
    tooltip.fact(
      vscode.l10n.t('Duration'),
      join(
        launchedAt === undefined || finishedAt === undefined ? '' : formatSpan(finishedAt - launchedAt),
        usual ?? '',
      ),
    );
    tooltip.fact(vscode.l10n.t('Waited mostly for'), record.waited && waitedText(record.waited));
    tooltip.fact(vscode.l10n.t('Result'), rowsText(this.job));
    tooltip.fact(
      vscode.l10n.t('Waiting for'),
      worker?.waitEvent && `${worker.waitEventType ?? ''}/${worker.waitEvent}`,
    );
    const [blocker] = worker?.blockers ?? [];
    tooltip.fact(
      vscode.l10n.t('Blocked by'),
      blocker && join(`pid ${blocker.pid}`, blocker.user ?? '', blocker.query ?? ''),
    );
    if (error) {
      tooltip.fact(vscode.l10n.t('Error'), join(error.sqlstate, shortErrorText(error, 900)));
      tooltip.fact(vscode.l10n.t('Detail'), error.detail);
      tooltip.fact(vscode.l10n.t('Hint'), error.hint);
      for (const [name, value] of objectsOf(error)) tooltip.fact(name, value);
    }
    tooltip.code(record.request.sql, 'sql');
    return tooltip.value;
  }
}

/** `agent` for a job that a language model launched. */
function agentText({ launchedBy }: Job['record']): string {
  return launchedBy ? vscode.l10n.t('agent') : '';
}

/** `durable`, with the role if it is another one. */
function durableText({ durable }: Job['record']): string {
  if (!durable) return '';
  return durable.own ? vscode.l10n.t('durable') : vscode.l10n.t('durable, of {0}', durable.owner);
}
