import { l10n } from 'vscode';
import type { WorkerLock } from '../../core/jobs/activity/inspection';
import { formatRunning } from '../../shared/timeText';

export function secondsText(seconds: number | undefined): string {
  return seconds === undefined ? '' : formatRunning(seconds * 1000);
}

/** What a role needs in order to see more. The name is quoted as in SQL. */
export function missingText(needed: string, role: string): string {
  const quoted = /^[a-z_][a-z0-9_]*$/.test(role) ? role : `"${role.replaceAll('"', '""')}"`;
  return l10n.t('Your role may not see this. An administrator can allow it: GRANT {0} TO {1};', needed, quoted);
}

export function lockText({ type, mode, target }: WorkerLock): string {
  return type === 'relation' ? `${mode} · ${target}` : `${mode} · ${type} ${target}`;
}
