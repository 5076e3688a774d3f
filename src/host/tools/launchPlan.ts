import { FaultError, type Fault } from '../../core/base/fault';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { checkBeforeLaunch } from '../../core/sql/classify/prelaunch';
import { DIRECTIVE_NAMES, directivesOf, labelFor, type DirectiveName } from '../../core/sql/directives';
import { truncateLabel } from '../../core/sql/labels';
import type { ToolFault } from '../../core/tools/faults';
import type { ToolInput } from '../../core/tools/inputs';
import { whyItMayWrite } from '../../core/tools/onlyReads';
import { readSetting } from '../base/settings';
import type { Connections } from '../connections/connections';
import { sqlText } from '../messages/sqlMessages';

/** A launch that a tool requests, as it will happen. */
export interface LaunchPlan {
  readonly sql: string;
  readonly label: string;
  readonly connection: ConnectionProfile;
  /** Why it may write; undefined if it only reads. */
  readonly mayWrite: Fault | undefined;
  /** Comments in the SQL that set an option without effect. */
  readonly ignored: readonly DirectiveName[];
}

/**
 * Decides where and how a tool's SQL runs. Of the comments in the SQL, only the label and the connection have an effect: the others could
 * lift a limit, write a table, or make the job durable.
 *
 * @throws FaultError, or Error with a message, if it cannot run
 */
export function planLaunch(connections: Connections, input: ToolInput<'pgbackground_run'>): LaunchPlan {
  const { sql } = input;
  const error = checkBeforeLaunch(sql).find(({ severity }) => severity === 'error');
  if (error) throw new Error(sqlText(error));
  const directives = directivesOf(sql);
  const connection = connectionFor(connections, input.connection ?? directives.connection);
  const mayWrite = whyItMayWrite(sql);
  if (mayWrite && !readSetting('languageModelTools.allowWrites')) {
    throw new FaultError<ToolFault>({ code: 'tools.writesNotAllowed', cause: mayWrite });
  }
  const label = input.label?.trim() ? truncateLabel(input.label) : labelFor(sql);
  return { sql, label, connection, mayWrite, ignored: ignoredIn(directives, input) };
}

function connectionFor(connections: Connections, name: string | undefined): ConnectionProfile {
  const known = connections.profiles.map((profile) => profile.name);
  if (known.length === 0) throw new FaultError<ToolFault>({ code: 'tools.noConnection' });
  const wanted = name ?? connections.defaultForCode;
  if (wanted === undefined) throw new FaultError<ToolFault>({ code: 'tools.nameConnection', params: { known } });
  const found = connections.find(wanted);
  if (!found) throw new FaultError<ToolFault>({ code: 'tools.unknownConnection', params: { name: wanted, known } });
  return found;
}

const FIELDS: Readonly<Record<string, DirectiveName | undefined>> = {
  statementTimeoutMs: 'timeout',
  workerTimeoutMs: 'worker-timeout',
  queueSizeBytes: 'queue-size',
  settings: 'set',
  readOnly: 'read-only',
  retryOnLockTimeout: 'retry',
  durable: 'durable',
  into: 'into',
};

function ignoredIn(
  { label, connection, ...others }: ReturnType<typeof directivesOf>,
  input: ToolInput<'pgbackground_run'>,
): readonly DirectiveName[] {
  const found = new Set(Object.keys(others).map((field) => FIELDS[field]));
  if (label !== undefined && input.label !== undefined) found.add('label');
  if (connection !== undefined && input.connection !== undefined) found.add('connection');
  return DIRECTIVE_NAMES.filter((name) => found.has(name));
}
