import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ActiveWorker } from '../../core/jobs/ports';
import { ConnectionNode, JobNode, ProblemNode, WorkerNode } from '../nodes';
import * as ui from '../ui';

/** What a command was called for: a row of the tree, all selected rows, or a job's id from code. */
export interface Targets {
  readonly jobs: readonly Job[];
  readonly workers: readonly { readonly connection: string; readonly worker: ActiveWorker }[];
  readonly connection: string | undefined;
}

/**
 * VS Code calls a tree's command with the row and the selection. A row outside of the selection is meant alone, as a click
 * on its inline button is.
 */
export function targetsOf(service: JobService, first: unknown, selected: unknown): Targets {
  const nodes: readonly unknown[] = Array.isArray(selected) && selected.includes(first) ? selected : [first];
  const jobs: Job[] = [];
  const workers: { connection: string; worker: ActiveWorker }[] = [];
  let connection: string | undefined;
  for (const node of nodes) {
    if (node instanceof JobNode) jobs.push(node.job);
    else if (node instanceof WorkerNode) workers.push({ connection: node.connection, worker: node.worker });
    else if (node instanceof ConnectionNode) connection ??= node.name;
    else if (node instanceof ProblemNode) connection ??= node.connection;
    else if (typeof node === 'string') {
      const job = service.get(node);
      if (job) jobs.push(job);
    }
  }
  return { jobs, workers, connection };
}

/** Lets the user choose a job where a command was called without one. */
export async function pickJob(jobs: readonly Job[], placeHolder: string): Promise<Job | undefined> {
  const picked = await ui.showQuickPick(
    jobs.toReversed().map((job) => ({
      label: job.record.label,
      description: [job.record.pid, job.state].filter((part) => part !== undefined).join(' · '),
      job,
    })),
    { placeHolder, matchOnDescription: true },
  );
  return picked?.job;
}
