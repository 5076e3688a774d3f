import { classify } from '../../core/sql/classify/classify';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import { splitStatements } from '../../core/sql/split/statements';
import type { PreparedLaunch } from './preparedLaunch';

/** The same launch, in a worker that begins with the settings and the role of a session. */
export function withSession(prepared: PreparedLaunch, session: SessionSettings): PreparedLaunch {
  const { request, sourceOffset, target } = prepared;
  const [first] = splitStatements(request.sql).statements;
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
