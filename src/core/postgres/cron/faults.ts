/** The problems that schedules with pg_cron report. Their sentences are in src/host/messages/cronMessages.ts. */
import type { FaultOf, NoParams } from '../../base/fault';

export interface CronFaults {
  'cron.notInstalled': { readonly database: string };
  /** `database`: where pg_cron keeps its jobs, which is the only database in which it can be created */
  'cron.notCreated': { readonly database: string };
  'cron.tooOld': { readonly version: string };
  /** The database of pg_cron is on another server than the connection's database. */
  'cron.otherServer': NoParams;
  /** `cause`: the server's message */
  'cron.denied': { readonly role: string; readonly database: string };
}

export type CronFault = FaultOf<CronFaults>;
