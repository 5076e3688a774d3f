import { isFault, textFault, type Fault } from '../../base/fault';
import type { JobRecord } from '../job';
import type { RowsKept } from '../ports';
import { faultySetting } from '../settingNames';
import { JOB_STATES } from '../states';

/** The fields that older versions wrote in another form. */
interface OldRecord {
  /** The former name of `sessionLost`. */
  readonly detached?: unknown;
  /** Faults were texts. */
  readonly reason?: unknown;
  readonly sessionLostBecause?: unknown;
  readonly rows?: unknown;
}

/**
 * Checks a record that was read from disk, and brings it into the present form.
 *
 * @param id the id in the name of its file
 * @throws if the record is damaged or from a newer version
 */
export function parseRecord(value: unknown, id: string): JobRecord {
  if (typeof value !== 'object' || value === null) throw new Error('not an object');
  const record = value as Partial<JobRecord>;
  if (record.version !== 1) throw new Error(`version ${String(record.version)} is unknown`);
  if (record.id !== id) throw new Error('its id is not its name');
  if (record.state === undefined || !JOB_STATES.includes(record.state)) throw new Error('its state is unknown');
  const texts = [record.request?.sql, record.label, record.connection, record.owner];
  if (!texts.every((text) => typeof text === 'string')) throw new Error('a field is missing');
  if (typeof record.queuedAt !== 'number' || typeof record.noticeCount !== 'number') {
    throw new Error('a number is missing');
  }
  const settings: unknown = record.request?.settings;
  if (settings !== undefined && faultySetting(settings) !== undefined) throw new Error('its settings are not texts');
  if (record.fingerprint !== undefined && typeof record.fingerprint !== 'string') throw new Error('a text is missing');
  if (record.serverMs !== undefined && typeof record.serverMs !== 'number') throw new Error('a number is missing');
  if (record.error !== undefined && !isError(record.error)) throw new Error('its error is not one');
  return upgraded(value as JobRecord & OldRecord);
}

function upgraded(record: JobRecord & OldRecord): JobRecord {
  const { detached, reason, sessionLostBecause, rows, ...rest } = record as Omit<JobRecord, keyof OldRecord> &
    OldRecord;
  const because = faultFrom(sessionLostBecause);
  const why = faultFrom(reason);
  return {
    ...rest,
    sessionLost: rest.sessionLost || detached === true,
    held: rest.held,
    ...(why && { reason: why }),
    ...(because && { sessionLostBecause: because }),
    ...(typeof rows === 'object' && rows !== null && { rows: rowsFrom(rows as RowsKept) }),
  };
}

/** A fault, or the text that an older version wrote instead. */
function faultFrom(value: unknown): Fault | undefined {
  if (typeof value === 'string') return textFault(value);
  return isFault(value) ? value : undefined;
}

function rowsFrom(rows: RowsKept & { readonly message?: unknown }): RowsKept {
  const { message, fault, ...kept } = rows;
  const why = faultFrom(fault ?? message);
  return { ...kept, ...(why && { fault: why }) };
}

const ERROR_TEXTS = ['message', 'detail', 'hint', 'context', 'schema', 'table', 'column', 'constraint'] as const;

function isError(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const error = value as Partial<Record<string, unknown>>;
  if (typeof error['sqlstate'] !== 'string' || typeof error['message'] !== 'string') return false;
  if (error['fault'] !== undefined && !isFault(error['fault'])) return false;
  return ERROR_TEXTS.every((name) => error[name] === undefined || typeof error[name] === 'string');
}
