/** Reasons and problems of durable jobs in the list. Their sentences are in src/host/messages/durableJobMessages.ts. */
import type { FaultOf, NoParams } from '../../base/fault';

export interface DurableJobFaults {
  // Why a job is in its state.
  /** Its keeper found no slot for the worker. */
  'durableJobs.noSlot': NoParams;
  /** The server refused to launch the worker. */
  'durableJobs.notLaunched': NoParams;
  'durableJobs.neverBegan': NoParams;
  /** The keeper ended before the job. The commit log decided. */
  'durableJobs.keeperLost': NoParams;
  /** The keeper ended before the job, and nothing proves the outcome. */
  'durableJobs.keeperLostUnproven': NoParams;
  'durableJobs.workerLost': NoParams;
  'durableJobs.outcomeExpired': NoParams;
  /** The record was restored from another cluster. */
  'durableJobs.otherCluster': NoParams;
  /** Its rows were not kept. `message`: the server's, possibly empty */
  'durableJobs.rowsNotKept': { readonly message: string };
  'durableJobs.canceledBy': { readonly role: string };

  // Problems of commands.
  'durableJobs.purged': { readonly label: string };
  /** Nothing on the server can send the signal. */
  'durableJobs.cancelUnreachable': { readonly label: string };
  'durableJobs.notDetachable': { readonly label: string };
  /** A durable batch runs on one server. */
  'durableJobs.batchConnections': { readonly connections: readonly string[] };
  /** Only some statements of a batch are durable. */
  'durableJobs.batchMixed': NoParams;
  'durableJobs.unsupported': { readonly connection: string };
}

export type DurableJobFault = FaultOf<DurableJobFaults>;
