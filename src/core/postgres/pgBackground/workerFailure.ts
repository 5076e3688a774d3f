import type { RowPlan } from '../../jobs/ports';
import { WorkerFailedError } from '../../jobs/errors';
import { cleanContext, isInterrupt, isNotText, toJobError } from '../errors';

interface PositionFields {
  readonly internalQuery?: string | undefined;
  readonly internalPosition?: string | undefined;
  readonly position?: string | undefined;
  readonly where?: string | undefined;
}

/**
 * The error with which a worker failed, from the server's error to the query that read its result. Positions refer to the user's text.
 * @param rawText the database's encoding is SQL_ASCII, so the text of the worker's own error may not be valid in the client's
 */
export function toWorkerFailure(cause: Error, plan: RowPlan, rawText: boolean): WorkerFailedError {
  const error = toJobError(cause, (codePoint) => plan.position(codePoint));
  const position = innerPosition(cause, plan) ?? error.position;
  const interrupted = isInterrupt(cause);
  return new WorkerFailedError(
    { ...error, ...(position === undefined ? {} : { position }) },
    { cause, unreadable: rawText && isNotText(cause), ...(interrupted === undefined ? {} : { interrupted }) },
  );
}

/** The position of an error in a statement that runs inside another one. The server reports it in one of two fields. */
function innerPosition(error: Error & PositionFields, { inner }: RowPlan): number | undefined {
  const { internalQuery, internalPosition, position, where } = error;
  if (inner === undefined) return undefined;
  if (internalPosition !== undefined) {
    return internalQuery === inner.query ? inner.position(Number(internalPosition)) : undefined;
  }
  const isInside = inner.context(cleanContext(where) ?? '') !== undefined;
  return isInside && position !== undefined ? inner.position(Number(position)) : undefined;
}
