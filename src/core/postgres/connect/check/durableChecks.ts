/** Checks whether durable jobs are set up. They are optional, so nothing here is a problem. */
import type { Client } from 'pg';
import type { Fault } from '../../../base/fault';
import { ExtensionError } from '../../pgBackground/extensionFunctions';
import { result, type CheckResult, type Fix } from './checkResult';
import type { ServerFacts } from './facts';

const SET_UP: Fix = { code: 'fix.setUpDurableJobs', action: 'setUpDurableJobs' };
/** What setting up again, or for the first time, resolves. */
const SETUP_HELPS = ['durable.notSetUp', 'durable.outdated'];

/** Nothing on a standby and without a suitable pg_background, where they cannot be set up. */
export async function checkDurable(
  client: Client,
  { extension, standby, database }: ServerFacts,
): Promise<readonly CheckResult[]> {
  if (!extension || standby) return [];
  // With the SQL of the schema, which few windows need.
  const { checkSetup } = await import('../../durable/administration');
  try {
    const found = await checkSetup(client, database);
    return [durableResult(found, database)];
  } catch (error) {
    // Another check reports an old version.
    if (error instanceof ExtensionError) return [];
    throw error;
  }
}

function durableResult(found: { readonly version: number } | { readonly fault: Fault }, database: string): CheckResult {
  if ('version' in found) {
    return result('durable', 'ok', { code: 'check.durableSetUp', params: { version: found.version } });
  }
  const { fault } = found;
  const fixes = SETUP_HELPS.includes(fault.code) ? [SET_UP] : [];
  return fault.code === 'durable.notSetUp'
    ? result('durable', 'info', { code: 'check.durableNotSetUp', params: { database } }, ...fixes)
    : result('durable', 'info', { code: 'check.durableUnusable', cause: fault }, ...fixes);
}
