import { l10n } from 'vscode';
import type { BackendState, WorkKind } from '../../core/jobs/activity/workKind';

/**
 * Explains what a worker does. PostgreSQL 17 and later explain their wait events themselves, in English; for older versions there are texts
 * for the common ones here.
 */
export function explanationOf(kind: WorkKind | undefined, wait: BackendState, description: string | undefined): string {
  switch (kind) {
    case 'cpu':
      return l10n.t('It waits for nothing: it computes, or waits for a free CPU.');
    case 'queue':
      return l10n.t('The queue to its session is full. It continues when its rows and messages are read.');
    case 'transaction':
      return l10n.t('Its transaction is open, but no statement runs.');
    case 'idle':
      return l10n.t('No statement runs.');
    case undefined:
      if (wait.state === 'disabled') {
        return l10n.t('The server does not show what it does, because track_activities is off.');
      }
      return l10n.t('Your role may not see what it does.');
    default:
      return description ?? commonWait(wait.waitEvent ?? '') ?? '';
  }
}

/** Names of events have changed their case in PostgreSQL 17. */
function commonWait(event: string): string | undefined {
  switch (event.toLowerCase()) {
    case 'relation':
      return l10n.t('It waits for a lock on a table or an index.');
    case 'transactionid':
      return l10n.t('It waits for another transaction to end, usually because both change the same row.');
    case 'tuple':
      return l10n.t('It waits for a lock on a row.');
    case 'extend':
      return l10n.t('It waits until it can extend a table or an index.');
    case 'virtualxid':
      return l10n.t('It waits for another transaction to end, whose snapshot it needs gone.');
    case 'advisory':
      return l10n.t('It waits for an advisory lock.');
    case 'object':
      return l10n.t('It waits for a lock on a database object that is not a table.');
    case 'datafileread':
      return l10n.t('It reads a page of a table or an index.');
    case 'datafilewrite':
    case 'datafileextend':
      return l10n.t('It writes to the file of a table or an index.');
    case 'buffileread':
    case 'buffilewrite':
      return l10n.t('It reads or writes a temporary file, because its work_mem is too small for a sort or a hash.');
    case 'walwrite':
    case 'walsync':
      return l10n.t('It waits until the write-ahead log is on disk.');
    case 'executegather':
    case 'parallelfinish':
      return l10n.t('It waits for its parallel workers.');
    case 'pgsleep':
      return l10n.t('It sleeps in pg_sleep.');
    case 'vacuumdelay':
      return l10n.t('It pauses, as vacuum_cost_delay says.');
    case 'bufferpin':
      return l10n.t('It waits until no other process uses a page.');
    default:
      return undefined;
  }
}
