/** Test Connection: connects, looks at everything that running workers needs, and says what to do about the rest. */
import { isIP } from 'node:net';
import type { Client } from 'pg';
import {
  checkExtension,
  checkFailure,
  checkLimits,
  checkPooler,
  checkPrivileges,
  checkServer,
  checkSlots,
  checkTls,
  type Finding,
} from './checks';
import { isTransactionPooled, keyPidOf } from '../../server/pooler';
import { askServer, tlsFacts } from './facts';
import { ConnectError } from '../errors';
import { explainNetwork, placeOf } from '../open/connectErrors';
import { openConnection, type OpenedConnection, type OpenOptions } from '../open/open';
import type { ConnectionProfile } from '../conninfo/profile';

export type { DoctorAction, Finding, FindingStatus, Fix } from './checks';

export interface ExamineOptions extends OpenOptions {
  /** Milliseconds since 1970, for the ends of certificates. */
  readonly now?: () => number;
}

/** A server that takes longer to answer a question about itself will not. */
const ANSWER_MS = 15_000;

/**
 * Examines a connection. What fails is a finding; it never rejects, and it changes nothing on the server.
 * @returns the findings in the order of their dependence: after the first one that stops everything there are no more
 */
export async function examine(profile: ConnectionProfile, options: ExamineOptions = {}): Promise<readonly Finding[]> {
  // Once entered, a password serves both connections.
  let entered: string | undefined;
  const { askPassword } = options;
  const asking: OpenOptions = {
    ...options,
    ...(askPassword && {
      askPassword: async (question, binding) => (entered ??= await askPassword(question, binding)),
    }),
  };
  let opened: OpenedConnection;
  try {
    opened = await openConnection(profile, asking);
  } catch (error) {
    return [checkFailure(asConnectError(error))];
  }
  const { client, user, sslmode, target, address, verified } = opened;
  const findings: Finding[] = [
    {
      id: 'reachable',
      status: 'ok',
      title: 'Reachable',
      detail: `Connected to ${placeOf(target, address)} as "${user}"${passwordText(opened)}`,
      fixes: [],
    },
  ];
  const stop = (error: ConnectError): unknown => client.connection.stream.destroy(error);
  const onAbort = (): unknown => stop(new ConnectError('aborted', 'The test was canceled.'));
  options.signal?.addEventListener('abort', onAbort, { once: true });
  const late = new ConnectError('timeout', `The server did not answer within ${ANSWER_MS / 1000} s: try again.`);
  const timer = setTimeout(() => stop(late), ANSWER_MS);
  try {
    const local = target.socket || isLoopback(address ?? '');
    findings.push(checkTls(tlsFacts(client), { verified, sslmode, local }, (options.now ?? Date.now)()));
    const facts = await askServer(client);
    findings.push(...checkServer(facts));
    const pooled = await isTransactionPooled(client, facts.backendPid, (query) =>
      withSecondClient(profile, asking, query),
    );
    findings.push(checkPooler(facts, keyPidOf(client), pooled));
    findings.push(...checkExtension(facts), ...checkPrivileges(facts), checkSlots(facts), checkLimits(facts));
  } catch (error) {
    findings.push(checkFailure(asConnectError(error, opened)));
  } finally {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', onAbort);
    await client.end().catch(() => undefined);
  }
  return findings;
}

/**
 * Runs the SQL of a fix, on a connection of its own. Ask the user first.
 * @throws ConnectError, or Error with the server's words
 */
export async function runFix(profile: ConnectionProfile, sql: string, options: OpenOptions = {}): Promise<void> {
  const { client } = await openConnection(profile, options);
  const stop = (): unknown => client.connection.stream.destroy(new ConnectError('aborted', 'It was canceled.'));
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

function asConnectError(error: unknown, opened?: OpenedConnection): ConnectError {
  if (error instanceof ConnectError) return error;
  if (opened && !(error instanceof Error && 'severity' in error)) return explainNetwork(error, opened);
  const message = error instanceof Error ? error.message : String(error);
  return new ConnectError('server', `The server could not be examined: ${message}.`, { cause: error });
}

/** The end of the sentence on how the user got in. A password that nobody asked for has not been checked. */
function passwordText({ passwordSource, passwordUsed }: OpenedConnection): string {
  if (passwordUsed) return `, with the password from ${passwordSource ?? 'the user'}.`;
  if (passwordSource === undefined) return '. The server did not ask for a password.';
  return `. The server did not ask for a password, so the one from ${passwordSource} was not used or checked.`;
}
