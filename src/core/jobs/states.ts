import type { JobState } from '../../api';

/**
 * Events that change the state of a job. They name what was observed:
 * - `launch`: the scheduler starts it
 * - `requeue`: it could not be launched now (no slot, no server, a broken session, a reload) and waits again
 * - `retry`: its worker failed and was rolled back, and it waits for another attempt
 * - `launched`: its worker is attached
 * - `read`: its rows are being read
 * - `cancel`: the user requested a cancel
 * - `graceOver`: the grace window has passed
 * - `resume…`: SIGTERM could not be sent, so the job returns to its former state
 * - `detach`: the session was lost or closed while the worker was alive
 * - `succeed`, `fail`, `cancelSettled`, `lose`: the outcome that the server reported, or its loss
 * - `finish`: the worker has ended with an unknown outcome
 */
export type JobEvent =
  | 'launch'
  | 'requeue'
  | 'retry'
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

/** See docs/internals/design.md, "Job states". Every other pair is impossible: an event that is not listed is a bug in the caller. */
const TABLE: Record<JobState, Row> = {
  queued: { launch: 'launching', cancel: 'canceled', fail: 'failed', lose: 'lost' },
  launching: { launched: 'running', requeue: 'queued', cancel: 'canceling', detach: 'detached', ...SETTLED },
  running: {
    retry: 'queued',
    read: 'reading',
    cancel: 'canceling',
    detach: 'detached',
    finish: 'finished',
    ...SETTLED,
  },
  reading: { retry: 'queued', cancel: 'canceling', detach: 'detached', finish: 'finished', ...SETTLED },
  // A cancel does not stop the watching: later events (attached, rows, the end) are recorded without leaving the state.
  canceling: {
    launched: 'canceling',
    requeue: 'canceled',
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

/** The state after an event, or undefined if the event cannot happen in that state. */
export function nextState(state: JobState, event: JobEvent): JobState | undefined {
  return TABLE[state][event];
}

/** Whether the state never changes again. */
export function isFinal(state: JobState): boolean {
  return Object.keys(TABLE[state]).length === 0;
}

/** Whether a worker of a job in this state may be alive on the server. */
export function mayHaveWorker(state: JobState): boolean {
  return state !== 'queued' && !isFinal(state);
}
