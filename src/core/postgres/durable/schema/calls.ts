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

/**
 * Waits until the transaction p_from, which inserted the records, is committed. Needs the variables v_status and v_pause.
 * @param leave what to do before the procedure returns because it was not
 */
export function untilCommitted(leave = ''): string {
  return `
  LOOP
    v_status := pg_xact_status(p_from);
    EXIT WHEN v_status = 'committed';
    IF v_status IS DISTINCT FROM 'in progress' THEN
      ${leave}RETURN;
    END IF;
    PERFORM pg_sleep(v_pause);
    v_pause := LEAST(v_pause * 1.5, 0.02);
  END LOOP;
  COMMIT;`;
}

/** Assigns the fields of the error that is handled. */
export const DIAGNOSTICS = `GET STACKED DIAGNOSTICS v_sqlstate = RETURNED_SQLSTATE, v_message = MESSAGE_TEXT, v_detail = PG_EXCEPTION_DETAIL,
      v_hint = PG_EXCEPTION_HINT, v_context = PG_EXCEPTION_CONTEXT, v_schema = SCHEMA_NAME, v_table = TABLE_NAME,
      v_column = COLUMN_NAME, v_constraint = CONSTRAINT_NAME, v_datatype = PG_DATATYPE_NAME;`;

export const PLAIN = `LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp`;
/** With row_security off, a role would get an error instead of its own jobs. */
export const OF_JOBS = `${PLAIN} SET row_security = on`;

/** Settings of a function that launches keepers. Others could end them, or change what their statements mean. */
export const KEEPER_SETTINGS = `SET statement_timeout = 0 SET lock_timeout = 0 SET idle_in_transaction_session_timeout = 0
SET default_transaction_isolation = 'read committed' SET default_transaction_read_only = off
SET default_transaction_deferrable = off SET client_min_messages = error`;

/** Not every server and every version of pg_background has these. Needs the variable v_name. */
export const NEUTRAL_LIMITS = `
  FOREACH v_name IN ARRAY ARRAY['transaction_timeout', 'idle_session_timeout', 'pg_background.worker_timeout'] LOOP
    IF current_setting(v_name, true) IS NOT NULL THEN PERFORM set_config(v_name, '0', true); END IF;
  END LOOP;`;
