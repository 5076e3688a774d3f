/** Problems of stored rows. The host turns them into sentences (src/host/messages/resultsMessages.ts). */
import { FaultError, type FaultOf, type NoParams } from '../base/fault';

/** `rows`: how many rows were kept. */
type Kept = Readonly<Record<'rows', number>>;

/** `partial`: the last row was incomplete and was dropped. */
type Cut = Readonly<Partial<Record<'partial', boolean>>>;

export interface RowsFaults {
  // Why a spool does not hold all rows. Stored in records on disk.
  /** The limit in rows was reached. */
  'rows.maxRows': Kept & { readonly limit: number };
  /** The limit in bytes was reached. */
  'rows.maxBytes': Kept & { readonly limit: number };
  'rows.diskFull': Kept;
  /** `error`: the message of the file system. */
  'rows.writeFailed': Kept & { readonly error: string };
  /** Receiving the rows failed. `error`: the message of the source. */
  'rows.receiveFailed': Cut & { readonly error: string };
  /** Receiving the rows was stopped before the last one. */
  'rows.stopped': Cut;
  /** The result ended in the middle of its last row. */
  'rows.partial': NoParams;
  /** The rows are not in the expected form. `error`: a technical message. */
  'rows.malformed': Cut & { readonly error: string };
  /** The process that wrote the rows ended before the last one. */
  'rows.interrupted': Kept & Cut;
  /** The rows are complete, but may not survive a power failure. `error`: the message of the file system. */
  'rows.notSynced': { readonly error: string };
  /** The final status of the rows could not be written. `error`: the message of the file system. */
  'rows.statusNotWritten': { readonly error: string };
  /** The file that describes the rows is damaged or missing. */
  'rows.noDescription': NoParams;

  // Why an operation on stored rows failed.
  /** `file`: the file that describes the rows. */
  'rows.badDescription': { readonly file: string };
  /** `file`: the file of the rows, which has become shorter. */
  'rows.truncated': { readonly file: string };
  /** `file`: the file that was to be written. */
  'rows.exportDiskFull': { readonly file: string };
  /** The disk has no space for the sorted rows or the differences of a comparison. */
  'rows.compareDiskFull': NoParams;
  /** The differences could not be written. `error`: the message of the file system. */
  'rows.compareFailed': { readonly error: string };
  'rows.tooManyToOrder': { readonly rows: number; readonly limit: number };
  /** `reason`: the message of JavaScript's regular expression parser. */
  'rows.badRegex': { readonly reason: string };
  'rows.slowRegex': NoParams;

  // The value of a filter does not have the type of its column.
  'rows.filterNotNumber': { readonly column: string; readonly value: string };
  'rows.filterNotBoolean': { readonly column: string; readonly value: string };
  'rows.filterNotTime': { readonly column: string; readonly value: string };
  'rows.filterNotOfType': { readonly column: string; readonly value: string; readonly type: string };
}

export type RowsFault = FaultOf<RowsFaults>;

/** Stored rows cannot be read, searched, sorted, filtered, or exported. */
export class RowsError extends FaultError<RowsFault> {}
