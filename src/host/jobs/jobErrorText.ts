/** Errors of jobs as text. */
import type { JobError } from '../../api';
import type { RecordedError } from '../../core/jobs/errors';
import { plainError } from '../base/plainText';
import { shownError } from '../messages/jobInfo';

/** The message of an error for one line, shortened to `max` UTF-16 units. */
export function shortErrorText(error: RecordedError, max: number): string {
  return plainError(shownError(error), max);
}

/** An error for the Problems panel: the message, followed by the additional fields from the server. */
export function problemText(error: RecordedError): string {
  const parts = [shownError(error).message];
  if (error.detail) parts.push(`DETAIL: ${error.detail}`);
  if (error.hint) parts.push(`HINT: ${error.hint}`);
  if (error.context) parts.push(`CONTEXT: ${error.context}`);
  for (const [name, value] of objectsOf(error)) parts.push(`${name}: ${value}`);
  return parts.join('\n');
}

/** The database objects that an error is about, with the names that psql uses for these fields. */
export function objectsOf({ schema, table, column, constraint }: JobError): (readonly [string, string])[] {
  const fields = [
    ['SCHEMA NAME', schema],
    ['TABLE NAME', table],
    ['COLUMN NAME', column],
    ['CONSTRAINT NAME', constraint],
  ] as const;
  return fields.flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
}
