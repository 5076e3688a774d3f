/** How long a job usually takes, by earlier runs of the same SQL. Never an estimate of the time that is left. */
import { env, l10n } from 'vscode';
import { isSlowerThanUsual, type UsualDuration } from '../../core/jobs/history/usualDuration';
import type { JobInfo } from '../../api';
import { formatRange } from '../../shared/timeText';

/** `usually 3–5 min (6 runs)`. */
export function usualText({ lowMs, highMs, runs }: UsualDuration): string {
  return l10n.t('usually {0} ({1} runs)', formatRange(lowMs, highMs, env.language), runs);
}

/** `slower than usual` if the job is running and has taken clearly longer than usual, otherwise empty. */
export function slowerText(
  { state, launchedAt }: Pick<JobInfo, 'state' | 'launchedAt'>,
  usual: UsualDuration | undefined,
  now: number,
): string {
  const runs = state === 'running' || state === 'reading' || state === 'detached';
  if (!runs || launchedAt === undefined || !usual) return '';
  return isSlowerThanUsual(now - launchedAt, usual) ? l10n.t('slower than usual') : '';
}
