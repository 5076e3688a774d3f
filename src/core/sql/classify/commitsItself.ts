import { splitStatements } from '../split/statements';
import { launchText } from '../settings/launchSettings';
import { classify } from './classify';

/** Commands that may commit by themselves if they are alone, and that {@link classify} does not report, because a transaction block is allowed. */
const MAY_COMMIT: ReadonlySet<string> = new Set(['CALL', 'DO', 'REINDEX', 'CLUSTER', 'VACUUM', 'ANALYZE', 'ANALYSE']);

/**
 * The command of a text that may commit a part of its work before it fails, so that a failure does not prove that nothing happened. The
 * statements of a text with several are one transaction, in which none of them can commit.
 * @returns undefined if a failure undoes all of the text
 */
export function commitsItself(sql: string): string | undefined {
  // Settings before a statement that must run alone are not a part of what the worker runs.
  const { sql: sent } = launchText(sql);
  const [statement, ...others] = splitStatements(sent).statements;
  if (!statement || others.length > 0) return undefined;
  const { keyword } = statement;
  return classify(sent, statement).refusesTransactionBlock ?? (MAY_COMMIT.has(keyword) ? keyword : undefined);
}
