import type { Outcome } from '../outcome';
import type { RowPlan } from '../ports';

/** If the last statement runs inside one of ours, reports its end as if the user's statement had run alone. */
export function ofUsersStatement(outcome: Outcome, { inner, tag }: RowPlan): Outcome {
  if (inner === undefined) return outcome;
  if (outcome.event === 'succeed') return { ...outcome, commandTag: tag };
  if (outcome.event !== 'fail' || outcome.error.context === undefined) return outcome;
  const { context, ...error } = outcome.error;
  const own = inner.context(context);
  if (own === undefined) return outcome;
  return { event: 'fail', error: { ...error, ...(own === '' ? {} : { context: own }) } };
}
