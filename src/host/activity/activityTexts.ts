import { l10n } from 'vscode';
import type { WorkerLock } from '../../core/jobs/activity/inspection';
import { quoteIfNeeded } from '../../core/sql/quoteIfNeeded';
import { formatRunning } from '../../shared/timeText';

export function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? '' : formatRunning(seconds * 1000);
}

/** What a role needs in order to see more. */
export function missingText(needed: string, role: string): string {
  return l10n.t(
    'Your role may not see this. An administrator can allow it: GRANT {0} TO {1};',
    needed,
    quoteIfNeeded(role),
  );
}

export function lockText({ type, mode, target }: WorkerLock): string {
  return type === 'relation' ? `${mode} · ${target}` : `${mode} · ${type} ${target}`;
}
