import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import { plain, plainLabel } from '../base/plainText';

/** The order in which to cancel jobs: the waiting ones first and from the end, so that none starts because the one before it was canceled. */
export function cancelOrder(jobs: readonly Job[]): readonly Job[] {
  const rank = ({ state }: Job): number => (state === 'queued' ? 0 : 1);
  return jobs.toReversed().sort((a, b) => rank(a) - rank(b));
}

/** Warns of a worker that is still running after the grace window. @param why the worker does not stop, as far as the server shows */
export function unresponsiveText(label: string, pid: number | undefined, graceMs: number, why: string): string {
  return vscode.l10n.t(
    '“{0}” (pid {1}) is still running {2} s after SIGTERM. {3} This extension never kills a worker, because that would restart the whole server. To limit such work, set statement_timeout or pg_background.worker_timeout before the launch.',
    plainLabel(label),
    pid ?? '–',
    graceMs / 1000,
    plain(why, 400),
  );
}
