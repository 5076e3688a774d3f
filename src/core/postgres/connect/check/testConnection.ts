/** Test Connection: connects, checks everything that running workers needs, and suggests fixes. */
import { isIP } from 'node:net';
import type { Client } from 'pg';
import { messageOf } from '../../../base/errors';
import { isServerError } from '../../errors';
import { isTransactionPooled, keyPidOf } from '../../server/pooler';
import type { ConnectionProfile } from '../conninfo/profile';
import { connectError, ConnectError } from '../errors';
import { checkDurable } from './durableChecks';
import { endpointOf, networkError } from '../open/connectErrors';
import { openConnection, type OpenedConnection, type OpenOptions } from '../open/open';
import { result, type CheckResult } from './checkResult';
import { checkFailure, checkPooler, checkTls } from './connectionChecks';
import { checkExtension, checkPrivileges } from './extensionChecks';
import { queryFacts, tlsFacts } from './facts';
import { checkLimits, checkServer, checkSlots } from './serverChecks';

export interface TestOptions extends OpenOptions {
  /** The current time in milliseconds since 1970, for the expiry of certificates. */
  readonly now?: () => number;
}

/** The limit for all queries of the test. Milliseconds. */
const QUERIES_MS = 15_000;

/**
 * Tests a connection without changing anything on the server. Never rejects: a failure is a result.
 * @returns the results; none follow one that makes further checks impossible
 */
export async function testConnection(
  profile: ConnectionProfile,
  options: TestOptions = {},
): Promise<readonly CheckResult[]> {
  // The test opens up to two connections; the user enters a password once.
  let entered: string | undefined;
  const { askPassword } = options;
  const openOptions: OpenOptions = {
    ...options,
    ...(askPassword && {
      askPassword: async (question, binding) => (entered ??= await askPassword(question, binding)),
    }),
  };
  let opened: OpenedConnection;
  try {
    opened = await openConnection(profile, openOptions);
  } catch (error) {
    return [checkFailure(asConnectError(error))];
  }
  const { client, user, sslmode, target, address, verified, password, passwordUsed } = opened;
  const params = { ...endpointOf(target, address), ...password, user, passwordUsed };
  const results: CheckResult[] = [result('reachable', 'ok', { code: 'check.reachable', params })];
  const stop = (error: ConnectError): unknown => client.connection.stream.destroy(error);
  const onAbort = (): unknown => stop(connectError('aborted', { code: 'connect.testCanceled' }));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const timeout = connectError('timeout', { code: 'connect.testTimeout', params: { seconds: QUERIES_MS / 1000 } });
  const timer = setTimeout(() => stop(timeout), QUERIES_MS);
  try {
    const local = target.socket || isLoopback(address ?? '');
    results.push(checkTls(tlsFacts(client), { verified, sslmode, local }, (options.now ?? Date.now)()));
    const facts = await queryFacts(client);
    results.push(...checkServer(facts));
    const pooled = await isTransactionPooled(client, facts.backendPid, (query) =>
      withSecondClient(profile, openOptions, query),
    );
    results.push(checkPooler(facts, keyPidOf(client), pooled));
    results.push(...checkExtension(facts), ...checkPrivileges(facts));
    results.push(...(await checkDurable(client, facts)), checkSlots(facts), checkLimits(facts));
  } catch (error) {
    results.push(checkFailure(asConnectError(error, opened)));
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    await client.end().catch(() => undefined);
  }
  return results;
}

/**
 * Runs the SQL of a fix on a separate connection. Ask the user first.
 * @throws ConnectError, or the server's error
 */
export async function runFix(profile: ConnectionProfile, sql: string, options: OpenOptions = {}): Promise<void> {
  const { client } = await openConnection(profile, options);
  const stop = (): unknown =>
    client.connection.stream.destroy(connectError('aborted', { code: 'connect.testCanceled' }));
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    await client.query(sql);
  } finally {
    options.signal?.removeEventListener('abort', stop);
    await client.end().catch(() => undefined);
  }
}

/** Runs a query on a second connection. */
async function withSecondClient<T>(
  profile: ConnectionProfile,
  options: OpenOptions,
  query: (client: Client) => Promise<T>,
): Promise<T> {
  const { client } = await openConnection(profile, options);
  try {
    return await query(client);
  } finally {
    await client.end().catch(() => undefined);
  }
}

function isLoopback(address: string): boolean {
  return address === '::1' || (isIP(address) === 4 && address.startsWith('127.'));
}

function asConnectError(cause: unknown, opened?: OpenedConnection): ConnectError {
  if (cause instanceof ConnectError) return cause;
  if (opened && !isServerError(cause)) return networkError(cause, opened);
  return connectError('server', { code: 'connect.testFailed', params: { detail: messageOf(cause) } }, { cause });
}
