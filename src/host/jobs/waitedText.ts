import { l10n } from 'vscode';
import type { Waited } from '../../core/jobs/run/waitTimes';
import { formatSpan } from '../../shared/timeText';

/** What a job waited for during most of its time. */
export function waitedText({ on, ms, ofMs, blocker }: Waited): string {
  const [time, all] = [formatSpan(ms), formatSpan(ofMs)];
  return blocker === undefined
    ? l10n.t('{0}, {1} of {2}', on, time, all)
    : l10n.t('{0}, {1} of {2}, held by {3}', on, time, all, blocker);
}
