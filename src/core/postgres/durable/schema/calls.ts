/** Parts of the SQL that several files use. */
import type { ExtensionFunctions } from '../../pgBackground/extensionFunctions';

/** The channel of NOTIFY. The payload is the id of a job; a notification is only a reason to read its record. */
export const CHANNEL = 'pgbackground_jobs';

/** Replaces the parameters of a call by variables. */
export function call(template: string | undefined, ...variables: readonly string[]): string {
  return (template ?? '').replaceAll(/\$(\d)/g, (_, n: string) => variables[Number(n) - 1] ?? '');
}

export const WORKER = ['v_pid', 'v_cookie'] as const;

export function launchCall(functions: ExtensionFunctions, sql: string, queue: string, label: string): string {
  return call(functions.launch(sql), '', queue, label);
}

export function detachCall(functions: ExtensionFunctions, pid: string, cookie: string): string {
  return call(functions.detach, pid, cookie);
}

/** Assigns the fields of the error that is handled. */
export const DIAGNOSTICS = `GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
      v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME,
      v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_datatype = PG_DATATYPE_NAME;`;
