import * as v from 'valibot';
import type { SessionEffect } from '../../sql/settings/sessionEffects';

/** Whether the statements of a batch that have not been launched still run after one that did not succeed. */
export type OnFailure = 'stop' | 'continue';

/**
 * The part of a job in a batch. The batch has no record of its own: it is what the records of its jobs have in common, so any window that
 * has the jobs has the batch.
 */
export interface BatchPart {
  /** Equal for all jobs of a batch. The id of a job if the others run after that job, which then has no part in its own record. */
  readonly id: string;
  /** The position in the batch, from 0. */
  readonly index: number;
  /** The number of jobs when the batch was requested. */
  readonly count: number;
  readonly label: string;
  /** How many run at once; 1 = in order. */
  readonly parallel: number;
  readonly onFailure: OnFailure;
  readonly session?: SharedSession;
  /** The user has resumed the job after an interruption: the unknown outcome of another one does not hold it any more. */
  readonly resumed?: true;
}

/** How the jobs of a new batch run. */
export interface BatchOptions {
  readonly label: string;
  /** How many run at once; 1 = in order. */
  readonly parallel: number;
  readonly onFailure: OnFailure;
}

/** Settings and a role that a statement takes over from the statements before it, as in one session of psql. */
export interface SharedSession {
  /** Equal for statements of a batch that share a session. */
  readonly key: number;
  /** What was set before the first of them. */
  readonly before?: readonly SessionEffect[];
  /**
   * Set when the job is launched for the first time: from then on, its request includes what it took over. `prefix`: the length of the
   * statements that were put before its SQL; `settings`: those of the request before.
   */
  readonly applied?: { readonly prefix: number; readonly settings?: Readonly<Record<string, string>> };
}

const WHOLE = v.pipe(v.number(), v.integer(), v.minValue(0));
const TEXTS = v.record(v.string(), v.string());

const EFFECT = v.variant('kind', [
  v.looseObject({ kind: v.literal('set'), name: v.string(), value: v.string() }),
  v.looseObject({ kind: v.literal('reset'), name: v.string() }),
  v.looseObject({ kind: v.literal('resetAll') }),
  v.looseObject({ kind: v.literal('discardAll') }),
  v.looseObject({ kind: v.literal('role'), role: v.optional(v.string()) }),
  v.looseObject({ kind: v.literal('authorization'), role: v.optional(v.string()) }),
]);

/** The part of a batch in a record on disk. */
export const BATCH_PART = v.looseObject({
  id: v.string(),
  index: WHOLE,
  count: WHOLE,
  label: v.string(),
  parallel: v.pipe(v.number(), v.integer(), v.minValue(1)),
  onFailure: v.picklist(['stop', 'continue']),
  resumed: v.optional(v.literal(true)),
  session: v.optional(
    v.looseObject({
      key: v.number(),
      before: v.optional(v.array(EFFECT)),
      applied: v.optional(v.looseObject({ prefix: WHOLE, settings: v.optional(TEXTS) })),
    }),
  ),
});
