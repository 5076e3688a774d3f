/** The rules of a batch: which of its statements may start, and which never will. Without clocks or side effects. */
import type { JobState } from '../../../api';
import type { JobFault } from '../faults';
import { isFinal } from '../states';
import type { BatchPart } from './batchPart';

/** A job of a batch, as far as the rules need it. */
export interface BatchMember {
  readonly index: number;
  readonly label: string;
  readonly state: JobState;
  /** It was canceled because another one did not succeed. */
  readonly stopped?: boolean;
}

/**
 * What a statement that waits has to do: start, wait for others, end because another one did not succeed, or wait for the user because the
 * outcome of another one is unknown.
 */
export type BatchTurn =
  | 'start'
  | 'wait'
  | { readonly stoppedBy: BatchMember }
  | { readonly heldBy: BatchMember; readonly stoppedBy?: undefined };

/**
 * Decides about the waiting statements of a batch. A statement may start while fewer than `parallel` of those before it have not ended. So at
 * most `parallel` run at once, and 1 means in order. This needs no knowledge of what runs now: that a job has ended never changes, so the rule
 * also holds if jobs of the batch are driven by several windows that see each other's changes late.
 *
 * A statement that did not succeed was not necessarily wrong: it may have been canceled or lost. The others may depend on it nevertheless. If
 * its outcome is unknown, as after a reload, only the user can decide.
 */
export class BatchRules {
  readonly #complete: boolean;
  /** The positions of those that have not ended, in order. */
  readonly #unfinished: readonly number[];
  readonly #unsuccessful: readonly BatchMember[];

  /**
   * @param members the jobs of the batch that are listed, also the waiting ones
   * @param complete whether a job that is missing has ended and was removed; otherwise nothing may start yet
   */
  constructor(members: readonly BatchMember[], complete = true) {
    const inOrder = members.toSorted((a, b) => a.index - b.index);
    this.#complete = complete;
    this.#unfinished = inOrder.filter(({ state }) => !isFinal(state)).map(({ index }) => index);
    this.#unsuccessful = inOrder.filter(({ state }) => isFinal(state) && state !== 'succeeded');
  }

  turnOf(part: Pick<BatchPart, 'index' | 'parallel' | 'onFailure' | 'resumed'>): BatchTurn {
    const { index, parallel, onFailure, resumed = false } = part;
    const stopping = onFailure === 'stop' ? this.#stopping(index) : [];
    // The cause, not one that ended for the same cause.
    const failed = stopping.filter(({ state }) => state !== 'finished');
    const stoppedBy = failed.find(({ stopped }) => stopped !== true) ?? failed[0];
    if (stoppedBy) return { stoppedBy };
    const [heldBy] = stopping;
    if (heldBy && !resumed) return { heldBy };
    if (!this.#complete) return 'wait';
    // The last one of those that may be active.
    const last = this.#unfinished[parallel - 1];
    return last === undefined || index <= last ? 'start' : 'wait';
  }

  /** The statements that stop the one at this position. One that the user canceled while it waited stops only those after it. */
  #stopping(index: number): readonly BatchMember[] {
    return this.#unsuccessful.filter((member) => member.index < index || member.state !== 'canceled');
  }
}

/** Why a statement was never launched. */
export function stoppedReason({ label, state }: BatchMember): JobFault {
  return { code: 'jobs.batchStopped', params: { label, state } };
}
