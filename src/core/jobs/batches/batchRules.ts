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

/** What a statement that waits has to do: start, wait for others, or end because another one did not succeed. */
export type BatchTurn = 'start' | 'wait' | { readonly stoppedBy: BatchMember };

/**
 * Decides about the waiting statements of a batch. A statement may start while fewer than `parallel` of those before it have not ended. So at
 * most `parallel` run at once, and 1 means in order. This needs no knowledge of what runs now: that a job has ended never changes, so the rule
 * also holds if jobs of the batch are driven by several windows that see each other's changes late.
 *
 * A statement that did not succeed was not necessarily wrong: it may have been canceled, or its outcome is unknown. The others may depend on
 * it nevertheless.
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

  turnOf({ index, parallel, onFailure }: Pick<BatchPart, 'index' | 'parallel' | 'onFailure'>): BatchTurn {
    const stoppedBy = onFailure === 'stop' ? this.#stopping(index) : undefined;
    if (stoppedBy) return { stoppedBy };
    if (!this.#complete) return 'wait';
    // The last one of those that may be active.
    const last = this.#unfinished[parallel - 1];
    return last === undefined || index <= last ? 'start' : 'wait';
  }

  /** The statement that ends the one at this position. One that the user canceled while it waited ends only those after it. */
  #stopping(index: number): BatchMember | undefined {
    const stopping = this.#unsuccessful.filter((member) => member.index < index || member.state !== 'canceled');
    // The cause, not one that ended for the same cause.
    return stopping.find(({ stopped }) => stopped !== true) ?? stopping[0];
  }
}

/** Why a statement was never launched. */
export function stoppedReason({ label, state }: BatchMember): JobFault {
  return { code: 'jobs.batchStopped', params: { label, state } };
}
