import type { JobState } from '../../api';

/**
 * What can happen to a job. The names are what was seen, not what is wished for:
 * - `launch`: its turn has come; `noSlot`: the server had no slot or was away, it waits again; `launched`: the worker is attached
 * - `read`: its rows are being read; `cancel`: the user asked; `graceOver`: the grace window has passed
 * - `resume…`: SIGTERM could not be sent after all, so the job is again what it was
 * - `detach`: the session is gone or given up while the worker was alive
 * - `succeed`, `fail`, `cancelSettled`, `lose`: an outcome that the server told (or its loss)
 * - `finish`: the worker has ended, its outcome unknown
 */
export type JobEvent =
  | 'launch'
  | 'noSlot'
  | 'launched'
  | 'read'
  | 'cancel'
  | 'graceOver'
  | 'resumeRunning'
  | 'resumeReading'
  | 'resumeDetached'
  | 'resumeUnresponsive'
  | 'detach'
  | 'succeed'
  | 'fail'
  | 'cancelSettled'
  | 'lose'
  | 'finish';

type Row = Partial<Record<JobEvent, JobState>>;

const SETTLED: Row = { succeed: 'succeeded', fail: 'failed', cancelSettled: 'canceled', lose: 'lost' };

/** DESIGN: job states. Every pair that is not listed is impossible, and asking for it is a bug in the caller. */
const TABLE: Record<JobState, Row> = {
  queued: { launch: 'launching', cancel: 'canceled', fail: 'failed', lose: 'lost' },
  launching: { launched: 'running', noSlot: 'queued', cancel: 'canceling', detach: 'detached', ...SETTLED },
  running: { read: 'reading', cancel: 'canceling', detach: 'detached', finish: 'finished', ...SETTLED },
  reading: { cancel: 'canceling', detach: 'detached', finish: 'finished', ...SETTLED },
  // A cancel does not stop the watching: what follows (attached, rows, the end) is noted without leaving the state.
  canceling: {
    launched: 'canceling',
    noSlot: 'canceled',
    read: 'canceling',
    cancel: 'canceling',
    graceOver: 'unresponsive',
    resumeRunning: 'running',
    resumeReading: 'reading',
    resumeDetached: 'detached',
    resumeUnresponsive: 'unresponsive',
    detach: 'canceling',
    finish: 'finished',
    ...SETTLED,
  },
  unresponsive: {
    read: 'unresponsive',
    cancel: 'canceling',
    detach: 'unresponsive',
    finish: 'finished',
    ...SETTLED,
  },
  detached: { cancel: 'canceling', finish: 'finished', lose: 'lost' },
  succeeded: {},
  failed: {},
  canceled: {},
  lost: {},
  finished: {},
};

export const JOB_STATES = Object.keys(TABLE) as readonly JobState[];

/** The state after an event, or undefined where the event cannot happen in that state. */
export function nextState(state: JobState, event: JobEvent): JobState | undefined {
  return TABLE[state][event];
}

/** True where nothing can happen any more. */
export function isFinal(state: JobState): boolean {
  return Object.keys(TABLE[state]).length === 0;
}

/** True while a worker of this job may be alive on the server. */
export function mayHaveWorker(state: JobState): boolean {
  return state !== 'queued' && !isFinal(state);
}
