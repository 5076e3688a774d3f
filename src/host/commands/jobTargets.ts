import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import { BatchNode } from '../tree/nodes/batchNode';
import { ConnectionNode } from '../tree/nodes/connectionNode';
import { JobNode } from '../tree/nodes/jobNode';
import { OtherJobNode } from '../tree/nodes/otherJobNode';
import { ProblemNode } from '../tree/nodes/problemNode';
import { WorkerNode } from '../tree/nodes/workerNode';
import { formatTime } from '../../shared/timeText';
import { join, jobSummary, startOf, stateName } from '../jobs/jobText';
import * as ui from '../base/ui';

/** What a command applies to: rows of the tree, or a job whose id code passed. */
export interface CommandTargets {
  readonly jobs: readonly Job[];
  readonly workers: readonly { readonly connection: string; readonly worker: ActiveWorker }[];
  /** Jobs of other workspaces, which can only be read. */
  readonly others: readonly Job[];
  readonly connection: string | undefined;
}

/**
 * Reads the arguments of a command. VS Code passes the row and the selected rows. If the row is not one of the selected rows, as after a
 * click on its inline button, the command applies to this row alone.
 */
export function targetsOf(service: JobService, first: unknown, selected: unknown): CommandTargets {
  const nodes: readonly unknown[] = Array.isArray(selected) && selected.includes(first) ? selected : [first];
  const jobs: Job[] = [];
  const workers: { connection: string; worker: ActiveWorker }[] = [];
  const others: Job[] = [];
  let connection: string | undefined;
  for (const node of nodes) {
    if (node instanceof JobNode) jobs.push(node.job);
    else if (node instanceof BatchNode) jobs.push(...node.all);
    else if (node instanceof WorkerNode) workers.push({ connection: node.connection, worker: node.worker });
    else if (node instanceof OtherJobNode) {
      others.push(node.shown.job);
      if (node.seen) workers.push(node.seen);
    } else if (node instanceof ConnectionNode) connection ??= node.name;
    else if (node instanceof ProblemNode) connection ??= node.connection;
    else if (typeof node === 'string') {
      const job = service.get(node);
      if (job) jobs.push(job);
    }
  }
  // A batch and one of its jobs may both be selected.
  return { jobs: [...new Set(jobs)], workers, others, connection };
}

/**
 * Lets the user choose a job.
 *
 * @param first ids of the jobs that are listed first, by default those of the statement at the cursor
 * @param why what these have in common
 */
export async function pickJob(
  jobs: readonly Job[],
  placeHolder: string,
  first: readonly string[] = [],
  why = vscode.l10n.t('at the cursor'),
): Promise<Job | undefined> {
  const picked = await ui.showQuickPick(jobItems(jobs, first, why, Date.now()), {
    placeHolder,
    matchOnDescription: true,
  });
  return picked?.job;
}

interface JobItem extends vscode.QuickPickItem {
  readonly job: Job;
}

/** The items for jobs: those to list first, then the others; each group newest first. */
function jobItems(jobs: readonly Job[], first: readonly string[], why: string, now: number): JobItem[] {
  const newest = jobs.toSorted((a, b) => startOf(b) - startOf(a));
  const here = newest.filter(({ id }) => first.includes(id));
  const others = newest.filter((job) => !here.includes(job));
  return [...here, ...others].map((job) => {
    const { label, pid, connection } = job.record;
    const { short } = jobSummary(job, now);
    const state = stateName(job.state);
    const parts = [
      here.includes(job) ? why : '',
      short.startsWith(state) ? short : join(state, short),
      formatTime(startOf(job), now, vscode.env.language),
      connection,
      pid === undefined ? '' : `pid ${pid}`,
    ];
    return { label, description: join(...parts), job };
  });
}
