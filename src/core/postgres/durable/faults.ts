/** The problems that durable jobs report. Their sentences are in src/host/messages/durableMessages.ts. */
import type { FaultOf, NoParams } from '../../base/fault';

export interface DurableFaults {
  // Durable jobs cannot be set up here.
  'durable.standby': NoParams;
  /** `publications`: those FOR ALL TABLES. Their subscribers would stop at the first job. */
  'durable.publication': { readonly publications: readonly string[] };
  'durable.createDenied': { readonly database: string; readonly role: string };
  'durable.roleMissing': NoParams;
  /** The schemas belong to another role, so this one cannot upgrade them. */
  'durable.notOwner': { readonly owner: string };
  /** Only one of the schemas exists, or a schema of that name has other contents. */
  'durable.incomplete': { readonly database: string };
  /** The schemas belong to another role, so this one cannot remove them. */
  'durable.removeDenied': { readonly owner: string };
  /** The database has changed since the script was shown. */
  'durable.planChanged': NoParams;
  /** A job that stores rows, or another session, has a lock on the objects. Nothing was changed. */
  'durable.inUse': NoParams;

  // Durable jobs cannot be used here.
  'durable.notSetUp': { readonly database: string };
  'durable.newerVersion': { readonly installed: number; readonly supported: number };
  /** An older version, or functions of a pg_background that was upgraded or moved since. */
  'durable.outdated': NoParams;
  /** The owner of the schemas is neither a superuser nor the owner of the database, so its functions may do anything as the caller. */
  'durable.untrustedOwner': { readonly owner: string };
  'durable.useDenied': { readonly role: string };

  // A job cannot be launched, or has no proof.
  'durable.noSlots': { readonly free: number; readonly needed: number; readonly max: number };
  /** The connection was lost while the job was being launched. Has a cause. */
  'durable.launchUnknown': NoParams;
  /** The statement cannot begin with a recorded transaction id, so its outcome is known only as long as its keeper lives. */
  'durable.noProof': NoParams;
  /** The rows of the last statement are not kept. `command`: the statement's command */
  'durable.rowsNotKept': { readonly command: string };

  /** A statement of a batch cannot be run, so nothing was. Has a cause. `number`, `line`: from 1; `line`: in its own text */
  'durable.statementRefused': { readonly number: number; readonly line: number; readonly label: string };
  /** `message`: the server's */
  'durable.syntaxError': { readonly message: string };

  // Rows cannot be read.
  'durable.rowsReplaced': NoParams;
  'durable.rowsLost': NoParams;
}

export type DurableFault = FaultOf<DurableFaults>;
