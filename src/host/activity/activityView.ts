import { env, l10n } from 'vscode';
import { labeledValues } from '../base/labeledValues';
import type { SeenActivity } from '../../core/jobs/activity/activityWatch';
import type { StatementProgress, WorkerInspection, WorkerIo } from '../../core/jobs/activity/inspection';
import { progressCount } from '../../core/jobs/activity/statementProgress';
import { workKindOf, type ActivitySample, type BackendState } from '../../core/jobs/activity/workKind';
import type {
  ActivityFact,
  ActivityKind,
  ActivitySection,
  ActivityStrip,
  ActivityView,
} from '../../shared/activityProtocol';
import { sizeText } from '../../shared/displayText';
import { join } from '../jobs/jobText';
import { kindName } from '../jobs/workKindText';
import { errorText } from '../messages/faultText';
import { missingText, secondsText } from './activityTexts';
import { chainItems } from './chainItems';
import { explanationOf } from './waitTexts';

/** Samples in the strip: those of one minute. */
const STRIP_SAMPLES = 60;

/** What the launch of a worker set, if it is known. */
export interface LaunchFacts {
  readonly settings: readonly ActivityFact[];
  /** Show the statement too, because there is no other tab for it. */
  readonly withStatement: boolean;
}

/** Makes the view of a worker. */
export function activityView(pid: number, seen: SeenActivity, launch: LaunchFacts): ActivityView {
  const { inspection, worker, samples, error } = seen;
  const strip = stripOf(samples);
  if (!inspection) {
    const title = error === undefined ? l10n.t('The worker has ended.') : l10n.t('The server could not be asked.');
    const explanation = error === undefined ? '' : errorText(error);
    return { kind: 'unknown', title, explanation, warning: '', strip, sections: [] };
  }
  const now = workKindOf(inspection);
  // The calm one, as in the tree.
  const kind = worker?.kind ?? now;
  const described = kind === now ? inspection.waitDescription : undefined;
  const sections: (ActivitySection | undefined)[] = [
    chainSection(inspection, pid),
    progressSection(inspection),
    { id: 'state', title: l10n.t('State'), facts: stateFacts(inspection, launch) },
    parallelSection(inspection),
    locksSection(inspection),
    settingsSection(launch),
  ];
  return {
    kind: kind ?? 'unknown',
    title: capital(kindText(kind)),
    explanation: join(
      explanationOf(kind, kind === now ? inspection : { state: inspection.state ?? '' }, described),
      error === undefined ? '' : l10n.t('The server could not be asked again: {0}', errorText(error)),
    ),
    warning: warningText(worker?.blocking),
    strip,
    sections: sections.filter((section) => section !== undefined),
  };
}

function kindText(kind: Exclude<ActivityKind, 'unknown'> | undefined): string {
  return kind === undefined ? l10n.t('not known') : kindName(kind);
}

function capital(text: string): string {
  return text.charAt(0).toLocaleUpperCase() + text.slice(1);
}

function warningText(blocking: readonly number[] = []): string {
  if (blocking.length === 0) return '';
  const pids = blocking.map(String).join(', ');
  return blocking.length === 1
    ? l10n.t('Another session has waited for it for more than 5 s (pid {0}).', pids)
    : l10n.t('{0} other sessions have waited for it for more than 5 s (pids {1}).', blocking.length, pids);
}

function stripOf(samples: readonly ActivitySample[]): ActivityStrip {
  const shown = samples.slice(-STRIP_SAMPLES);
  const counts = new Map<ActivitySample['kind'], number>();
  for (const { kind } of shown) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const kinds = [...counts].sort((a, b) => b[1] - a[1]);
  const shares = kinds.map(([kind, count]) => l10n.t('{0}: {1} of {2}', kindText(kind), count, shown.length));
  return {
    title: l10n.t('Last minute'),
    text:
      shown.length === 0
        ? l10n.t('No samples yet.')
        : l10n.t('Samples of the last minute, one per second. {0}.', shares.join(', ')),
    samples: shown.map((sample) => ({
      kind: sample.kind ?? 'unknown',
      text: join(kindText(sample.kind), waitText(sample)),
    })),
    size: STRIP_SAMPLES,
    legend: kinds.map(([kind]) => ({ kind: kind ?? 'unknown', text: kindText(kind) })),
  };
}

/** `Lock/relation`, or an empty text. */
function waitText({ waitEventType, waitEvent }: BackendState): string {
  return waitEvent === undefined ? '' : `${waitEventType ?? ''}/${waitEvent}`;
}

function stateFacts(found: WorkerInspection, launch: LaunchFacts): ActivityFact[] {
  const { tempFiles, io } = found;
  return labeledValues([
    [l10n.t('State on the server'), found.state],
    [l10n.t('Wait event'), waitText(found) || l10n.t('none')],
    [l10n.t('Statement running for'), secondsText(found.statementSeconds)],
    [l10n.t('Transaction open for'), secondsText(found.transactionSeconds)],
    [l10n.t('User'), found.user],
    [l10n.t('Database'), found.database],
    [l10n.t('Temporary files'), tempFilesText(tempFiles, found.role)],
    [l10n.t('I/O'), io && ioText(io)],
    [l10n.t('Statement'), launch.withStatement ? found.query : undefined],
  ]);
}

function tempFilesText(found: WorkerInspection['tempFiles'], role: string): string | undefined {
  if (!found) return undefined;
  if ('missing' in found) return missingText(found.missing, role);
  const count = found.files.toLocaleString(env.language);
  if (found.files === 0) return l10n.t('none');
  return found.files === 1
    ? l10n.t('1 file, {0}', sizeText(found.bytes))
    : l10n.t('{0} files, {1}', count, sizeText(found.bytes));
}

function ioText({ readBytes, writtenBytes, hits }: WorkerIo): string {
  if (readBytes + writtenBytes + hits === 0) {
    return l10n.t('not counted yet: the server counts at the end of each transaction');
  }
  return l10n.t(
    '{0} read, {1} written, {2} pages found in shared buffers',
    sizeText(readBytes),
    sizeText(writtenBytes),
    hits.toLocaleString(env.language),
  );
}

function chainSection(found: WorkerInspection, pid: number): ActivitySection | undefined {
  if (found.chain.length === 0) return undefined;
  const { chainMore: more = 0 } = found;
  return {
    id: 'chain',
    title: l10n.t('Blocked by'),
    chain: chainItems(found, pid),
    note:
      more === 0 ? '' : l10n.t('{0} more processes block it or these; not listed.', more.toLocaleString(env.language)),
  };
}

function progressSection({ progress }: WorkerInspection): ActivitySection | undefined {
  if (progress.length === 0) return undefined;
  return { id: 'progress', title: l10n.t('Progress of the statement'), progress: progress.map(progressItem) };
}

function progressItem(progress: StatementProgress): NonNullable<ActivitySection['progress']>[number] {
  const values = new Map(progress.columns);
  const count = progressCount(progress);
  const number = (value: number): string => value.toLocaleString(env.language);
  const command = values.get('command') ?? progress.view.replaceAll('_', ' ').toUpperCase();
  const counted = count && l10n.t('{0} of {1}', number(count.done), number(count.total));
  return {
    title: join(command, progress.relation ?? ''),
    ...(count === undefined ? {} : { pct: count.pct }),
    text: join(values.get('phase') ?? '', count ? `${count.pct}%` : '', counted ?? ''),
    // The server's own names, as in its documentation.
    facts: progress.columns
      .filter(([name]) => name !== 'command' && name !== 'phase')
      .map(([label, value]) => ({ label, value: /^\d+$/.test(value) ? number(Number(value)) : value })),
  };
}

function parallelSection({ parallel }: WorkerInspection): ActivitySection | undefined {
  if (parallel.length === 0) return undefined;
  return {
    id: 'parallel',
    title: l10n.t('Parallel workers'),
    table: {
      columns: [l10n.t('Process id'), l10n.t('Activity'), l10n.t('Wait event')],
      rows: parallel.map((worker) => [String(worker.pid), kindText(workKindOf(worker)), waitText(worker)]),
    },
  };
}

function locksSection({ locks, lockCount }: WorkerInspection): ActivitySection {
  const more = lockCount - locks.length;
  return {
    id: 'locks',
    title: l10n.t('Locks'),
    table: {
      columns: [l10n.t('State'), l10n.t('Mode'), l10n.t('Type'), l10n.t('Object')],
      rows: locks.map((lock) => [lock.granted ? l10n.t('held') : l10n.t('awaited'), lock.mode, lock.type, lock.target]),
    },
    note: more > 0 ? l10n.t('{0} weaker locks are not listed.', more.toLocaleString(env.language)) : '',
  };
}

function settingsSection({ settings }: LaunchFacts): ActivitySection {
  return {
    id: 'settings',
    title: l10n.t('Settings'),
    facts: settings,
    note:
      settings.length > 0
        ? l10n.t('As set at the launch. The server does not show the settings of another session.')
        : l10n.t('Not known: the server does not show the settings of another session.'),
  };
}
