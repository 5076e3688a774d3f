/** Jobs, errors, and messages with their texts, as the public API and the views show them. */
import type { JobError, JobInfo } from '../../api';
import type { RecordedError } from '../../core/jobs/errors';
import type { Job } from '../../core/jobs/job';
import type { KeptNotice } from '../../core/jobs/textBudget';
import { faultText } from './faultText';

/** A job as the public API describes it. */
export function jobInfo({ record, mirrored }: Job): JobInfo {
  const { id, label, connection, state, queuedAt, error, reason, batch, durable, launchedBy } = record;
  return {
    id,
    label,
    sql: record.request.sql,
    connection,
    origin: durable ? 'server' : mirrored ? 'otherWindow' : 'thisWindow',
    durable: durable !== undefined,
    state,
    queuedAt,
    ...pick(record, ['pid', 'launchedAt', 'finishedAt', 'serverMs', 'attempt', 'progress', 'rowCount', 'commandTag']),
    ...(error && { error: shownError(error) }),
    ...(reason && { reason: faultText(reason) }),
    ...(batch && { batch: { id: batch.id, label: batch.label, index: batch.index, count: batch.count } }),
    ...(launchedBy && { launchedBy }),
  };
}

/** An error with its text: a problem that this extension found is a fault, which is shown instead of the message. */
export function shownError(error: RecordedError): JobError {
  const { fault, ...shown } = error;
  return fault ? { ...shown, message: faultText(fault) } : error;
}

/** Messages with their texts: a warning of this extension is a fault, which is shown instead of the message. */
export function shownNotices(notices: readonly KeptNotice[]): readonly KeptNotice[] {
  if (!notices.some(({ fault }) => fault)) return notices;
  return notices.map((notice) => {
    const { fault, ...shown } = notice;
    return fault ? { ...shown, message: faultText(fault) } : notice;
  });
}

function pick<T extends object, K extends keyof T>(from: T, keys: readonly K[]): Partial<Pick<T, K>> {
  const picked: Partial<Pick<T, K>> = {};
  for (const key of keys) if (from[key] !== undefined) picked[key] = from[key];
  return picked;
}
