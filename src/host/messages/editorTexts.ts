/** Texts of the editor features that are not problems. */
import { l10n } from 'vscode';
import type { DirectiveName } from '../../core/sql/directives';
import { formatSpan } from '../../shared/timeText';
import type { LensTexts } from '../editor/lensModel';
import { formatCount, stateName } from '../jobs/jobText';

export function lensTexts(): LensTexts {
  return {
    run: l10n.t('Run in Background'),
    cancel: l10n.t('Cancel'),
    showResults: l10n.t('Show Results'),
    edited: l10n.t('edited since'),
    readingRows: l10n.t('reading rows'),
    file: l10n.t('File'),
    selection: l10n.t('Selection'),
    runNamed: (statement) => l10n.t('Run “{0}” in Background', statement),
    jobs: (count) => l10n.t('{0} jobs…', count),
    rows: (count) => (count === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(count))),
    span: formatSpan,
    state: stateName,
  };
}

/** Reports the psql commands that a launch skipped. */
export function skippedText(count: number): string {
  return count === 1 ? l10n.t('Skipped 1 psql command.') : l10n.t('Skipped {0} psql commands.', count);
}

/** Reports the COPY commands of a script whose rows were sent as INSERTs. */
export function copiesText(count: number): string {
  return count === 1
    ? l10n.t('The rows of one COPY were sent as INSERTs.')
    : l10n.t('The rows of {0} COPY commands were sent as INSERTs.', count);
}

/** Describes a directive, for its hover and its completion. Markdown. */
export function directiveHelp(name: DirectiveName): string {
  switch (name) {
    case 'label':
      return l10n.t(
        'The label of the job, at most 64 bytes. Everyone on the server can read it in `pg_stat_activity`.',
      );
    case 'connection':
      return l10n.t(
        'The name of the connection to run on. Overrides the file’s connection and the default connection.',
      );
    case 'timeout':
      return l10n.t(
        'The worker’s `statement_timeout`, such as `30s` or `5min`. A number without a unit is in milliseconds; `0` means no limit.',
      );
    case 'worker-timeout':
      return l10n.t(
        'The worker’s `pg_background.worker_timeout`, which takes precedence over `statement_timeout`. A number without a unit is in milliseconds; `0` means no limit.',
      );
    case 'queue-size':
      return l10n.t(
        'The size of the queue that carries the worker’s rows and messages, such as `256kB`. Between 64B and 256MB; default: the server’s setting.',
      );
    case 'lock-timeout':
      return l10n.t(
        'The worker’s `lock_timeout`, such as `5s`: a statement that waits longer for a lock fails. A number without a unit is in milliseconds; `0` means no limit.',
      );
    case 'retry':
      return l10n.t(
        'The number of attempts, such as `5`, if the SQL does not get a lock in time (`lock_timeout`). The pauses between them are 1, 2, 4, … s, at most 60 s. What may commit by itself, such as CREATE INDEX CONCURRENTLY, is not retried.',
      );
    case 'set':
      return l10n.t(
        'A server parameter for this worker, such as `work_mem = 1GB`. Repeat the comment for each parameter.',
      );
    case 'read-only':
      return l10n.t(
        '`yes` starts the worker in a read-only transaction (`default_transaction_read_only`). SQL can change that.',
      );
    case 'into':
      return l10n.t(
        'The table that stores the rows of the last statement, such as `reports.daily`. The worker creates it. If it exists, the launch is refused, unless `append` or `replace` follows the name.',
      );
    case 'durable':
      return l10n.t(
        '`yes` runs it as a durable job: the server looks after it and keeps its rows, also if VS Code is closed. Needs the setup of durable jobs in the database. `no` overrides the connection’s setting.',
      );
  }
}
