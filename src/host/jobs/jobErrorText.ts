/** Errors of jobs as text. */
import type { JobError } from '../../api';
import type { RecordedError } from '../../core/jobs/errors';
import { faultText } from '../messages/faultText';

/** The message of a job's error: the server's own message, or the sentence for a problem that this extension found. */
export function errorMessage({ fault, message }: RecordedError): string {
  return fault === undefined ? message : faultText(fault);
}

/** An error for the Problems panel: the message, followed by the additional fields from the server. */
export function errorText(error: JobError): string {
  const parts = [errorMessage(error)];
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
