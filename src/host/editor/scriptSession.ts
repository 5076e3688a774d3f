/** Launches of a script's statements with what the script set before them. */
import { classify } from '../../core/sql/classify/classify';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import { splitStatements } from '../../core/sql/split/statements';
import type { Prepared } from '../launch/prepareLaunch';

/** The same launch in a worker that begins with the settings and the role of a session. */
export function withSession(prepared: Prepared, session: SessionSettings): Prepared {
  const { request, sourceOffset, target } = prepared;
  const { statements } = splitStatements(request.sql);
  const [first] = statements;
  const alone = first !== undefined && classify(request.sql, first).refusesTransactionBlock !== undefined;
  const { settings: carried, prefix } = session.launch(alone);
  const settings = { ...carried, ...request.settings, ...target.step?.modes };
  if (prefix === '' && Object.keys(settings).length === 0) return prepared;
  return {
    ...prepared,
    request: { ...request, sql: prefix + request.sql, ...(Object.keys(settings).length > 0 ? { settings } : {}) },
    sourceOffset: (offset) => sourceOffset(Math.max(0, offset - prefix.length)),
  };
}
