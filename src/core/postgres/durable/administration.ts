/** What the administrator of durable jobs does: set them up, upgrade them, remove them. */
import type { Client } from 'pg';
import { FaultError, type Fault } from '../../base/fault';
import { quoteIdent } from '../../sql/quote';
import { ExtensionError, type ExtensionFunctions } from '../pgBackground/extensionFunctions';
import {
  inspectSetup,
  lookUpFunctions,
  removalSql,
  runScript,
  setupRefusal,
  setupSql,
  useRefusal,
  SETUP_VERSION,
  type SetupFacts,
} from './setup';
import { UNFINISHED_LIST } from './schema/tables';

/** What setting up durable jobs would do in a database. */
export type SetupPlan =
  | { readonly kind: 'current'; readonly database: string; readonly version: number }
  | {
      /** `upgrade`: from `installed`, which is `version` if only the functions of pg_background differ. */
      readonly kind: 'install' | 'upgrade';
      readonly database: string;
      readonly role: string;
      readonly installed: number;
      readonly version: number;
      readonly script: string;
    }
  | {
      readonly kind: 'refused';
      readonly fault: Fault;
      /** What an administrator can run instead. */
      readonly script?: string;
    };

/** What removing durable jobs would do in a database. */
export type RemovalPlan =
  | {
      readonly kind: 'remove';
      readonly database: string;
      readonly role: string;
      readonly script: string;
      /** Jobs that have not ended, as far as the role may see them. */
      readonly unfinished: readonly UnfinishedJob[];
      /** Finished jobs, as far as the role may see them. */
      readonly finished: number;
    }
  | { readonly kind: 'refused'; readonly fault: Fault; readonly script?: string };

export interface UnfinishedJob {
  readonly id: string;
  readonly label: string;
  readonly owner: string;
}

/** Plans the setup. Changes nothing. */
export async function planSetup(client: Client): Promise<SetupPlan> {
  const facts = await inspectSetup(client);
  if (facts.standby) return { kind: 'refused', fault: { code: 'durable.standby' } };
  let functions: ExtensionFunctions;
  try {
    functions = await lookUpFunctions(client, facts.database);
  } catch (error) {
    if (!(error instanceof ExtensionError)) throw error;
    return { kind: 'refused', fault: error.fault };
  }
  const { database, role, version: installed = 0 } = facts;
  const unusable = useRefusal(facts, functions);
  if (!unusable) return { kind: 'current', database, version: installed };
  if (unusable.code === 'durable.newerVersion') return { kind: 'refused', fault: unusable };
  if (unusable.code === 'durable.useDenied' && !facts.isOwner) {
    return { kind: 'refused', fault: unusable, script: `GRANT pgbackground_role TO ${quoteIdent(role)};\n` };
  }
  const script = setupSql(functions, installed);
  const fault = setupRefusal(facts);
  if (!fault) {
    const kind = installed === 0 ? 'install' : 'upgrade';
    return { kind, database, role, installed, version: SETUP_VERSION, script };
  }
  // The script fits only a database whose version is known.
  const isForAdministrator =
    fault.code === 'durable.createDenied' || (fault.code === 'durable.notOwner' && installed > 0);
  return { kind: 'refused', fault, ...(isForAdministrator ? { script } : {}) };
}

/**
 * Sets durable jobs up, or upgrades them.
 * @param shown the script that the user has confirmed: nothing runs if it would be another one by now
 * @returns false if nothing ran because the database has changed since
 * @throws FaultError with the reason and what to do
 */
export async function runSetup(client: Client, shown?: string): Promise<boolean> {
  const plan = await planSetup(client);
  if (plan.kind === 'refused') throw new FaultError(plan.fault);
  if (plan.kind === 'current') return true;
  if (shown !== undefined && plan.script !== shown) return false;
  await runScript(client, plan.script);
  return true;
}

/** Plans the removal. Changes nothing. */
export async function planRemoval(client: Client): Promise<RemovalPlan> {
  const facts = await inspectSetup(client);
  const { database, role } = facts;
  if (facts.standby) return { kind: 'refused', fault: { code: 'durable.standby' } };
  if (facts.schemas === 0) return { kind: 'refused', fault: { code: 'durable.notSetUp', params: { database } } };
  const script = removalSql();
  if (!facts.isOwner) {
    const fault = { code: 'durable.removeDenied', params: { owner: facts.owner ?? '' } } as const;
    return { kind: 'refused', fault, script };
  }
  return { kind: 'remove', database, role, script, ...(await countJobs(client, facts)) };
}

async function countJobs(
  client: Client,
  facts: SetupFacts,
): Promise<{ unfinished: readonly UnfinishedJob[]; finished: number }> {
  if (facts.version === undefined) return { unfinished: [], finished: 0 };
  // Everything that runs here is built-in: a setup of another version may have other functions.
  const { rows } = await client.query<[string]>({
    text: `SELECT pg_catalog.json_build_object(
             'unfinished', COALESCE(pg_catalog.json_agg(pg_catalog.json_build_object(
                             'id', j.id::pg_catalog.text, 'label', j.label, 'owner', j.owner::pg_catalog.text)
                             ORDER BY j.id USING OPERATOR(pg_catalog.<))
                           FILTER (WHERE j.state OPERATOR(pg_catalog.=) ANY (ARRAY[${UNFINISHED_LIST}]::pg_catalog.text[])), '[]'),
             'finished', pg_catalog.count(*)
                           FILTER (WHERE j.state OPERATOR(pg_catalog.<>) ALL (ARRAY[${UNFINISHED_LIST}]::pg_catalog.text[])))::pg_catalog.text
             FROM pgbackground_jobs.jobs AS j`,
    rowMode: 'array',
  });
  return JSON.parse(rows[0]?.[0] ?? '{}') as { unfinished: UnfinishedJob[]; finished: number };
}

/** Removes durable jobs with all records and rows. */
export async function runRemoval(client: Client): Promise<void> {
  await runScript(client, removalSql());
}

/** Whether durable jobs can be used in a database, for Test Connection. */
export async function checkSetup(client: Client, database: string): Promise<{ version: number } | { fault: Fault }> {
  const facts = await inspectSetup(client);
  const fault = useRefusal(facts, await lookUpFunctions(client, database));
  return fault ? { fault } : { version: facts.version ?? 0 };
}
