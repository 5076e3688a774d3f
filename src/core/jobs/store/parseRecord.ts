import * as v from 'valibot';
import { isFault, textFault, type Fault } from '../../base/fault';
import { BATCH_PART } from '../batches/batchPart';
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

const JOB_ERROR = v.looseObject({
  sqlstate: v.string(),
  message: v.string(),
  ...Object.fromEntries(
    ['detail', 'hint', 'context', 'schema', 'table', 'column', 'constraint'].map((name) => [
      name,
      v.optional(v.string()),
    ]),
  ),
  fault: v.optional(v.custom<Fault>(isFault)),
});

/** The fields that code relies on. Others are kept as they are: they may come from a newer minor version. */
const RECORD = v.looseObject({
  version: v.literal(1),
  id: v.string(),
  label: v.string(),
  request: v.looseObject({
    sql: v.string(),
    into: v.optional(v.string()),
    readOnly: v.optional(v.boolean()),
    durable: v.optional(v.boolean()),
    settings: v.optional(v.custom<Record<string, string>>((settings) => faultySetting(settings) === undefined)),
  }),
  connection: v.string(),
  fingerprint: v.optional(v.string()),
  owner: v.string(),
  state: v.picklist(JOB_STATES),
  pid: v.optional(v.number()),
  backendStart: v.optional(v.string()),
  queuedAt: v.number(),
  launchSentAt: v.optional(v.number()),
  launchedAt: v.optional(v.number()),
  finishedAt: v.optional(v.number()),
  serverMs: v.optional(v.number()),
  rowCount: v.optional(v.number()),
  commandTag: v.optional(v.string()),
  noticeCount: v.number(),
  noticesDropped: v.optional(v.number()),
  error: v.optional(JOB_ERROR),
  batch: v.optional(BATCH_PART),
  launchedBy: v.optional(v.string()),
});

/**
 * Checks a record that was read from disk, and brings it into the present form.
 *
 * @param id the id in the name of its file
 * @throws if the record is damaged or from a newer version; the message names the field
 */
export function parseRecord(value: unknown, id: string): JobRecord {
  const result = v.safeParse(RECORD, value, { abortEarly: true });
  if (!result.success) {
    const [issue] = result.issues;
    throw new Error(`${v.getDotPath(issue) ?? 'the record'}: ${issue.message}`);
  }
  if (result.output.id !== id) throw new Error('id: does not match the name of the file');
  return upgraded(result.output as unknown as JobRecord & OldRecord);
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
