import { classify } from '../classify/classify';
import { splitStatements } from '../split/statements';
import type { CarriedSettings, SessionSettings } from './sessionSettings';

export type { CarriedSettings } from './sessionSettings';

/** What a text needs to run in a worker that begins with the settings and the role of a session. */
export function carriedBy(session: SessionSettings, sql: string): CarriedSettings {
  const [first] = splitStatements(sql).statements;
  const alone = first !== undefined && classify(sql, first).refusesTransactionBlock !== undefined;
  return session.launch(alone);
}
