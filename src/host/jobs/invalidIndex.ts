/** Offers to drop the invalid indexes that a job has left. Loaded on demand. */
import * as vscode from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { InvalidIndex, ServerLink } from '../../core/jobs/ports';
import { truncateLabel } from '../../core/sql/labels';
import { quoteQualified } from '../../core/sql/quote';
import { commandId } from '../base/commandIds';
import { plainLabel } from '../base/plainText';
import * as ui from '../base/ui';
import type { Launcher } from '../launch/launcher';

/** Shows that a job has left invalid indexes. */
export async function reportInvalidIndexes(job: Job): Promise<void> {
  const { label, invalidIndexes = [] } = job.record;
  const drop = vscode.l10n.t('Drop Invalid Index…');
  const names = invalidIndexes.map(nameOf).join(', ');
  const choice = await ui.showWarningMessage(
    invalidIndexes.length === 1
      ? vscode.l10n.t(
          '“{0}” left the invalid index {1}. Queries do not use it, but each write to its table updates it.',
          plainLabel(label),
          names,
        )
      : vscode.l10n.t(
          '“{0}” left invalid indexes: {1}. Queries do not use them, but each write to their tables updates them.',
          plainLabel(label),
          names,
        ),
    drop,
  );
  if (choice === drop) await vscode.commands.executeCommand(commandId('dropInvalidIndex'), job.id);
}

/**
 * Drops the invalid indexes of a job, each by a job, if the user confirms.
 * @returns the ids of the new jobs
 */
export async function dropInvalidIndexes(job: Job, link: ServerLink, launcher: Launcher): Promise<readonly string[]> {
  const { invalidIndexes = [], connection } = job.record;
  const session = await link.acquire();
  let invalid: readonly InvalidIndex[];
  try {
    invalid = (await session.invalidIndexes?.()) ?? [];
  } finally {
    session.release();
  }
  // Since then, they may have been dropped or rebuilt.
  const left = invalidIndexes.filter((index) =>
    invalid.some((now) => now.oid === index.oid && nameOf(now) === nameOf(index)),
  );
  if (left.length === 0) {
    void ui.showInformationMessage(vscode.l10n.t('The job has left no index that is still invalid.'));
    return [];
  }
  const drop = vscode.l10n.t('Drop');
  const statements = left.map((index) => `DROP INDEX CONCURRENTLY ${nameOf(index)}`);
  const choice = await ui.showWarningMessage(
    left.length === 1
      ? vscode.l10n.t('Drop the invalid index on “{0}”?', connection)
      : vscode.l10n.t('Drop {0} invalid indexes on “{1}”?', left.length, connection),
    { modal: true, detail: statements.join('\n') },
    drop,
  );
  if (choice !== drop) return [];
  const ids: string[] = [];
  for (const [at, sql] of statements.entries()) {
    const label = truncateLabel(`Drop invalid index ${left[at]?.name ?? ''}`);
    ids.push((await launcher.run({ sql, connection, label, durable: false })).id);
  }
  return ids;
}

function nameOf({ schema, name }: InvalidIndex): string {
  return quoteQualified(schema, name);
}
