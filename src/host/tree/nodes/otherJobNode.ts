import * as vscode from 'vscode';
import type { ActiveWorker } from '../../../core/jobs/ports';
import { commandId } from '../../base/commandIds';
import { join } from '../../jobs/jobText';
import type { ShownOtherJob } from '../otherJobs';
import { JobNode, type JobFacts } from './jobNode';

/** What is known here about a job of another workspace is in its record. */
const RECORD_ONLY: JobFacts = {
  queuePosition: () => undefined,
  activity: () => undefined,
  usualDuration: () => undefined,
  batchOf: () => [],
};

/** A job of another workspace. Its results can be read, and its worker can be canceled if a connection of this window shows it. */
export class OtherJobNode {
  constructor(
    readonly shown: ShownOtherJob,
    /** Its worker, with the connection that shows it. */
    public seen: { readonly connection: string; readonly worker: ActiveWorker } | undefined,
  ) {}

  item(): vscode.TreeItem {
    const { job, workspace } = this.shown;
    const { record } = job;
    const item = new JobNode(job, RECORD_ONLY).item();
    item.id = `other:${workspace.key}:${record.id}`;
    item.description = join(typeof item.description === 'string' ? item.description : '', record.connection);
    const words = ['otherJob', 'sql'];
    if (record.pid !== undefined) words.push('pid');
    if (record.columns !== undefined || record.error !== undefined || record.noticeCount > 0) words.push('hasResults');
    if (job.final && record.columns !== undefined) words.push('comparable');
    if (this.seen) words.push('cancelable');
    item.contextValue = words.join(' ');
    item.command = { command: commandId('previewResults'), title: vscode.l10n.t('Show Results'), arguments: [this] };
    return item;
  }
}
