import type { JobState } from '../../api';
import type { FaultOf, NoParams } from '../base/fault';

/**
 * Problems and reasons of jobs. Records on disk keep them: add codes, and never change the meaning of one.
 *
 * `message` is a server's own text.
 */
export interface JobFaults {
  // Why a job waits in the queue.
  'jobs.heldDisconnected': NoParams;
  'jobs.heldReloaded': NoParams;
  /** The outcome of another statement of its batch is unknown. `label`: of that one */
  'jobs.batchUnknown': { readonly label: string };
  /** No worker slot is free. `used`: slots in use, at least; `total`: `max_worker_processes` */
  'jobs.noSlot': { readonly message: string; readonly used?: number; readonly total?: number };
  /** All places are taken. `elsewhere`: by how many jobs of other windows; 0: an older job of another window is next */
  'jobs.noPlace': { readonly elsewhere: number; readonly limit: number };
  /** The session's `pg_background.max_workers` is reached. */
  'jobs.sessionLimit': { readonly message: string };
  /** The extension, or the right to use it, existed a moment ago and is missing now. Has a cause. */
  'jobs.withdrawn': NoParams;
  /** The job cannot be adopted from a closed window, because its record cannot be written. */
  'jobs.notAdopted': NoParams;
  /** Attempt `attempt` of `attempts` got no lock in time and was rolled back; the next one begins after `seconds`. */
  'jobs.lockTimeout': {
    readonly attempt: number;
    readonly attempts: number;
    readonly seconds: number;
    readonly message: string;
  };

  // Why a job was canceled.
  'jobs.canceledBeforeLaunch': NoParams;
  'jobs.canceledBeforeStart': NoParams;
  /** Canceled in the pause before an attempt, from 2. */
  'jobs.canceledBeforeRetry': { readonly attempt: number };
  /** Never launched, because another statement of its batch did not succeed. `label` and `state`: of that one */
  'jobs.batchStopped': { readonly label: string; readonly state: JobState };

  // Why a job failed.
  'jobs.limitReached': { readonly name: string; readonly ms?: number };
  'jobs.stoppedFromOutside': NoParams;
  /** The server reported a failure without an error. */
  'jobs.failedWithoutMessage': NoParams;

  // Why a job is lost.
  'jobs.serverCrashed': NoParams;
  'jobs.serverRestarted': NoParams;
  'jobs.workerDied': { readonly message: string };
  /** The worker stopped and reported neither success nor failure. */
  'jobs.noOutcome': NoParams;
  /** The session was lost during the launch. Has a cause. */
  'jobs.lostDuringLaunch': NoParams;
  'jobs.reloadedDuringLaunch': NoParams;
  /** The window that drove the job is gone, and the record that it left is damaged. */
  'jobs.recordDamaged': NoParams;

  // Why a job is detached. `cause`, if there is one: why its session was lost.
  'jobs.trackingStopped': NoParams;
  'jobs.queueFull': NoParams;
  /** Has a cause. */
  'jobs.sessionLost': NoParams;
  'jobs.unreadableOutput': { readonly message: string };
  'jobs.reloaded': NoParams;
  /** The connection now leads to another server than the job's. A place is `host:port`. */
  'jobs.onOtherServer': {
    readonly place?: string;
    readonly start: string;
    readonly jobPlace?: string;
    readonly jobStart: string;
  };
  'jobs.backOnServer': NoParams;
  /** A proxy in transaction mode gave the launch to another backend than the session's. */
  'jobs.transactionPooler': NoParams;

  // Why an outcome is unknown. `cause`, if there is one: why the job's session was lost.
  'jobs.endedUntracked': NoParams;
  'jobs.connectionEdited': NoParams;
  'jobs.outcomeUnsupported': NoParams;

  // What happened to the rows of a job that succeeded. Both have a cause.
  'jobs.rowsNotKept': NoParams;
  'jobs.rowsNotRead': NoParams;

  // Why a worker does not respond to a cancel.
  'jobs.stuckEnding': NoParams;
  /** `blocker`: the process that holds the lock, e.g. `pid 5, bob, psql` */
  'jobs.stuckOnLock': { readonly blocker?: string };
  /** It has waited for the same lock in all of several samples, and for the same process if one is known. `wait`: e.g. `Lock/relation` */
  'jobs.stuckOnSameLock': { readonly wait: string; readonly samples: number; readonly blocker?: string };
  'jobs.stuckOnQueue': NoParams;
  /** Its queue was full in all of several samples. */
  'jobs.stuckOnUnreadQueue': { readonly samples: number };
  /** `wait`: the wait event, e.g. `Timeout/PgSleep` */
  'jobs.stuckCatchesCancel': { readonly wait: string };
  /** It computes now, and has waited since the cancel. `wait`: what it waited for */
  'jobs.stuckCaughtCancel': { readonly wait: string };
  /** `wait`: a wait event that a cancel does not interrupt, e.g. `IO/DataFileRead` */
  'jobs.stuckInWait': { readonly wait: string };
  /** It waited in none of several samples. */
  'jobs.stuckComputing': { readonly samples: number };
  'jobs.stuckOnCpu': NoParams;
  'jobs.stuckUnknown': NoParams;

  // Warnings among the messages of a job.
  'jobs.labelReplaced': { readonly label: string; readonly shown: string };
  'jobs.limitIneffective': { readonly name: string };
  /** The record could not be written. `message`: the error of the file system */
  'jobs.notSaved': { readonly message: string };

  /** Not launched again after a lock timeout. `command`: it may have committed; without one, its failure was not reported in full. */
  'jobs.notRetried': { readonly command?: string };

  /** It left an invalid index. Both names are quoted. */
  'jobs.invalidIndex': { readonly index: string; readonly table: string };

  // Why a request was refused.
  'jobs.retryNotDurable': NoParams;
  'jobs.unknownJob': { readonly id: string };
  'jobs.notTracked': { readonly label: string };
  'jobs.detachWhileReading': { readonly label: string };
  /** Nothing can run after a job that is part of a batch, or has ended. */
  'jobs.noneAfter': { readonly label: string; readonly ended: boolean };
  'jobs.noWorkerToSignal': { readonly pid?: number };
}

export type JobFault = FaultOf<JobFaults>;
