import { l10n, ThemeColor, ThemeIcon } from 'vscode';
import type { WorkKind } from '../../core/jobs/activity/workKind';

/** What a worker does, as the first word of a row. Every surface uses these words. */
export function kindName(kind: WorkKind): string {
  switch (kind) {
    case 'cpu':
      return l10n.t('on CPU');
    case 'reading':
      return l10n.t('reading data');
    case 'writing':
      return l10n.t('writing data');
    case 'lock':
      return l10n.t('waiting for a lock');
    case 'queue':
      return l10n.t('queue full');
    case 'waiting':
      return l10n.t('waiting');
    case 'transaction':
      return l10n.t('idle in transaction');
    case 'idle':
      return l10n.t('idle');
  }
}

const ICONS: Readonly<Record<WorkKind, string>> = {
  cpu: 'sync~spin',
  reading: 'arrow-circle-down',
  writing: 'arrow-circle-up',
  lock: 'lock',
  queue: 'inbox',
  waiting: 'watch',
  transaction: 'debug-pause',
  idle: 'circle-outline',
};

/** The icon of a row, in the color of a warning if the worker blocks others. */
export function kindIcon(kind: WorkKind, blocks: boolean): ThemeIcon {
  return new ThemeIcon(ICONS[kind], blocks ? new ThemeColor('list.warningForeground') : undefined);
}

/** `blocks 2 sessions`, or an empty text. */
export function blockingText(blocking: readonly number[] = []): string {
  if (blocking.length === 0) return '';
  return blocking.length === 1
    ? l10n.t('blocks 1 other session')
    : l10n.t('blocks {0} other sessions', blocking.length);
}
