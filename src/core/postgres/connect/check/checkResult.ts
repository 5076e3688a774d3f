/** The results of Test Connection as data. src/host/messages/checkMessages.ts has the sentences. */
import type { FaultOf, NoParams } from '../../../base/fault';
import type { ConnectionProfile } from '../conninfo/profile';
import type { Endpoint, PasswordOrigin } from '../connectFaults';
import type { ConnectReason } from '../errors';

export type CheckStatus = 'ok' | 'info' | 'warning' | 'error';

/** Identifies a check, whatever its outcome. */
export type CheckId =
  | 'reachable'
  | 'tls'
  | 'server'
  | 'platform'
  | 'readOnly'
  | 'pooler'
  | 'extension'
  | 'extensionUpdate'
  | 'extensionRisk'
  | 'privileges'
  | 'readStats'
  | 'signal'
  | 'durable'
  | 'slots'
  | 'limits';

type Certificate = {
  readonly protocol: string;
  readonly cipher: string;
  /** '' if the certificate has no common name. */
  readonly subject: string;
  /** The last day, as `YYYY-MM-DD` in UTC. */
  readonly validTo: string;
};

type Slots = {
  readonly used: number;
  readonly total: number;
  readonly free: number;
  /** The role cannot see the workers of other roles, so more slots may be in use. */
  readonly usedAtLeast: boolean;
};

type Limits = {
  /** The settings in force, each as `name = value`. */
  readonly settings: readonly string[];
  readonly maxWorkers?: string;
};

/** The outcomes of all checks. */
export interface CheckOutcomes {
  'check.reachable': Endpoint & PasswordOrigin & { readonly user: string; readonly passwordUsed: boolean };
  /** `cause`: the fault of connecting, or of querying the server. */
  'check.notConnected': { readonly reason: ConnectReason };

  'check.localWithoutTls': NoParams;
  'check.notEncrypted': { readonly sslmode: string };
  'check.certificateExpired': Certificate & { readonly sslmode: string };
  'check.certificateExpiresSoon': Certificate & { readonly days: number };
  'check.serverNotVerified': Certificate;
  'check.encrypted': Certificate & { readonly verified: 'nothing' | 'chain' | 'chain and name' };

  /** `banner`: the text of `version()`. */
  'check.server': { readonly version: string; readonly banner: string };
  'check.windowsServer': NoParams;
  'check.standby': NoParams;
  'check.readOnly': NoParams;

  'check.transactionPooler': NoParams;
  'check.sessionPooler': NoParams;
  'check.noPooler': NoParams;

  'check.extensionNotOnServer': { readonly serverMajor: number; readonly database: string };
  'check.extensionNotInDatabase': { readonly available: string; readonly database: string };
  'check.extension': { readonly version: string; readonly schema: string; readonly database: string };
  'check.extensionUpdate': { readonly available: string; readonly version: string; readonly database: string };
  /** Canceling with a grace period can kill the worker. */
  'check.extensionOld': NoParams;
  /** Some builds of this version can crash the server. */
  'check.extensionEarlyBuild': NoParams;

  'check.launchAllowed': { readonly user: string };
  'check.functionsDenied': { readonly user: string };
  'check.schemaDenied': { readonly user: string; readonly schema: string };
  'check.seesAllWorkers': NoParams;
  'check.seesOwnWorkers': { readonly user: string };
  'check.cancelsAllWorkers': NoParams;
  'check.cancelsOwnWorkers': { readonly user: string };

  /** `version`: of the setup */
  'check.durableSetUp': { readonly version: number };
  'check.durableNotSetUp': { readonly database: string };
  /** `cause`: why a setup that exists cannot be used. */
  'check.durableUnusable': NoParams;

  'check.noFreeSlot': Slots;
  'check.fewFreeSlots': Slots;
  'check.freeSlots': Slots;
  'check.timeLimits': Limits;
  'check.noTimeLimit': Limits;
}

type Granted = {
  readonly user: string;
  /** The tested role cannot run the SQL; a superuser (or the owner) can. */
  readonly needsSuperuser: boolean;
};

/** What can be done about a result. */
export interface Fixes {
  'fix.editConnection': NoParams;
  'fix.enterPassword': NoParams;
  'fix.retry': NoParams;
  /** After an administrator has installed the extension's files. */
  'fix.createExtensionAfterInstall': NoParams;
  'fix.createExtension': { readonly needsSuperuser: boolean };
  'fix.updateExtension': { readonly needsSuperuser: boolean };
  'fix.grantSchema': Granted;
  'fix.grantLaunch': Granted;
  'fix.grantReadStats': Granted;
  'fix.grantSignal': Granted;
  'fix.setUpDurableJobs': NoParams;
  'fix.raiseWorkerProcesses': NoParams;
}

/** What the host can do about a result. */
export type CheckAction = 'editConnection' | 'enterPassword' | 'retry' | 'setUpDurableJobs';

export type Fix = FaultOf<Fixes> & {
  /** SQL to show, to copy, or to run after a confirmation; it may need more privileges than the tested role has. */
  readonly sql?: string;
  /** The tested role may run the SQL. */
  readonly mayRun?: true;
  readonly action?: CheckAction;
};

export type CheckOutcome = FaultOf<CheckOutcomes>;

/** The result of one check. */
export type CheckResult = CheckOutcome & {
  readonly id: CheckId;
  readonly status: CheckStatus;
  readonly fixes: readonly Fix[];
  /** The field of the connection that the result is about. */
  readonly field?: keyof ConnectionProfile | 'password';
};

export const EDIT: Fix = { code: 'fix.editConnection', action: 'editConnection' };
export const RETRY: Fix = { code: 'fix.retry', action: 'retry' };
export const ENTER_PASSWORD: Fix = { code: 'fix.enterPassword', action: 'enterPassword' };

export function result(id: CheckId, status: CheckStatus, outcome: CheckOutcome, ...fixes: readonly Fix[]): CheckResult {
  return { ...outcome, id, status, fixes } as CheckResult;
}
