import { env, l10n } from 'vscode';
import type { Job } from '../../../core/jobs/job';
import type { MatchedColumns } from '../../../core/results/compare/columns';
import type { ChangeLabels, Comparison } from '../../../core/results/compare/compare';
import type { DetailView } from '../../../shared/resultsProtocol';
import { formatDate, isSameDay } from '../../../shared/timeText';
import { labeledValues, type LabeledValue } from '../../base/labeledValues';
import { formatCount, startOf } from '../../jobs/jobText';
import type { ResultsJob } from '../rowSource';

/** Names that are listed in a sentence. */
const MAX_NAMES = 8;

/** One of the compared results. */
export interface ComparedSide {
  readonly job: Job;
  readonly rows: number;
  /** Set if rows are missing: why, or an empty text. */
  readonly incomplete?: string;
}

/** A comparison as the results panel shows it: like a job that has ended. */
export function comparisonJob(
  id: string,
  before: ComparedSide,
  after: ComparedSide,
  columns: MatchedColumns,
  keys: readonly number[],
  comparison: Comparison,
): ResultsJob {
  const [old, now] = [before.job.record, after.job.record];
  const label =
    old.label === now.label
      ? l10n.t('Differences: {0}', now.label)
      : l10n.t('Differences: {0} → {1}', old.label, now.label);
  const labels = changeLabels();
  const keyNames = keys.map((key) => columns.common[key]?.name ?? '');
  const info = {
    id,
    label,
    sql: '',
    connection: '',
    origin: 'thisWindow',
    durable: false,
    state: 'finished',
    queuedAt: 0,
  } as const;
  return {
    info,
    request: { sql: '' },
    noticeCount: 0,
    final: true,
    comparison: {
      tones: { [labels.added]: 'added', [labels.removed]: 'removed', [labels.changed]: 'changed' },
      head: {
        id,
        label,
        connection: sidesText(before.job, after.job),
        state: 'finished',
        stateText: summaryOf(comparison),
        reason: notesOf(before, after, columns, comparison).join(' '),
        sql: '',
        sqlLength: 0,
        details: detailsOf(before, after, columns, keyNames, comparison),
        canCancel: false,
        canRerun: false,
      },
    },
  };
}

/** The names in the first columns of a comparison. */
export function changeLabels(): ChangeLabels {
  return {
    added: l10n.t('added'),
    removed: l10n.t('removed'),
    changed: l10n.t('changed'),
    change: l10n.t('change'),
    changedColumns: l10n.t('changed columns'),
  };
}

/** `12 added, 3 removed, 40 changed, 999,945 equal` */
export function summaryOf({ added, removed, changed, equal }: Comparison): string {
  if (added + removed + changed > 0) {
    return l10n.t(
      '{0} added, {1} removed, {2} changed, {3} equal',
      formatCount(added),
      formatCount(removed),
      formatCount(changed),
      formatCount(equal),
    );
  }
  return equal === 1
    ? l10n.t('No differences; 1 equal row')
    : l10n.t('No differences; {0} equal rows', formatCount(equal));
}

/** When the jobs started, and their connections if these differ. */
function sidesText(before: Job, after: Job): string {
  const sameDay = isSameDay(startOf(before), startOf(after));
  const sameConnection = before.record.connection === after.record.connection;
  const side = (job: Job): string => {
    const at = startOf(job);
    const time = sameDay
      ? new Date(at).toLocaleTimeString(env.language, { timeStyle: 'medium' })
      : formatDate(at, env.language);
    return sameConnection ? time : `${job.record.connection}, ${time}`;
  };
  const both = `${side(before)} → ${side(after)}`;
  return sameConnection ? `${before.record.connection} · ${both}` : both;
}

/** What the user must know to read the rows. */
function notesOf(
  before: ComparedSide,
  after: ComparedSide,
  { onlyBefore, onlyAfter }: MatchedColumns,
  { duplicateKeys }: Comparison,
): string[] {
  const notes: string[] = [];
  for (const { job, incomplete } of [before, after]) {
    if (incomplete === undefined) continue;
    notes.push(
      l10n.t('Not all rows of “{0}” were kept, so rows may look added or removed that are not.', job.record.label),
    );
  }
  if (duplicateKeys > 0) {
    notes.push(
      duplicateKeys === 1
        ? l10n.t('1 key occurs more than once in a result: its rows are compared as a whole.')
        : l10n.t(
            '{0} keys occur more than once in a result: their rows are compared as a whole.',
            formatCount(duplicateKeys),
          ),
    );
  }
  if (onlyBefore.length > 0) notes.push(l10n.t('Only the earlier result has: {0}.', namesText(onlyBefore)));
  if (onlyAfter.length > 0) notes.push(l10n.t('Only the later result has: {0}.', namesText(onlyAfter)));
  return notes;
}

function namesText(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  const first = names.slice(0, MAX_NAMES).join(', ');
  return more > 0 ? l10n.t('{0} and {1} more', first, formatCount(more)) : first;
}

function detailsOf(
  before: ComparedSide,
  after: ComparedSide,
  columns: MatchedColumns,
  keyNames: readonly string[],
  comparison: Comparison,
): DetailView[] {
  const side = ({ job, rows }: ComparedSide): string => {
    const { label, connection } = job.record;
    const count = rows === 1 ? l10n.t('1 row') : l10n.t('{0} rows', formatCount(rows));
    return `${label} · ${connection} · ${formatDate(startOf(job), env.language)} · ${count}`;
  };
  const names = (list: readonly string[]): string | undefined => (list.length === 0 ? undefined : list.join(', '));
  const rows: readonly LabeledValue[] = [
    [l10n.t('Earlier result'), side(before)],
    [l10n.t('Later result'), side(after)],
    [l10n.t('Key columns'), keyNames.join(', ')],
    [l10n.t('Added: only in the later result'), formatCount(comparison.added)],
    [l10n.t('Removed: only in the earlier result'), formatCount(comparison.removed)],
    [l10n.t('Changed: other values with the same key'), formatCount(comparison.changed)],
    ...comparison.changedIn.map(({ column, rows: count }): LabeledValue => [
      l10n.t('Changed in {0}', column),
      formatCount(count),
    ]),
    [l10n.t('Equal'), formatCount(comparison.equal)],
    [l10n.t('Keys that occur more than once'), formatCount(comparison.duplicateKeys)],
    [l10n.t('Columns only in the earlier result'), names(columns.onlyBefore)],
    [l10n.t('Columns only in the later result'), names(columns.onlyAfter)],
    [
      l10n.t('How values compare'),
      l10n.t(
        'Numbers by value (1 equals 1.0), timestamps with time zone by time, everything else by the text that the server sent. NULL equals NULL.',
      ),
    ],
  ];
  return labeledValues(rows);
}
