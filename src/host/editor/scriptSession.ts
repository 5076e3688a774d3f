import { carriedBy } from '../../core/sql/settings/carriedSettings';
import type { SessionSettings } from '../../core/sql/settings/sessionSettings';
import type { PreparedLaunch } from './preparedLaunch';

/** The same launch, in a worker that begins with the settings and the role of a session. */
export function withSession(prepared: PreparedLaunch, session: SessionSettings): PreparedLaunch {
  const { request, sourceOffset, target } = prepared;
  const { settings: carried, prefix } = carriedBy(session, request.sql);
  const settings = { ...carried, ...request.settings, ...target.step?.modes };
  if (prefix === '' && Object.keys(settings).length === 0) return prepared;
  return {
    ...prepared,
    request: { ...request, sql: prefix + request.sql, ...(Object.keys(settings).length > 0 ? { settings } : {}) },
    sourceOffset: (offset) => sourceOffset(Math.max(0, offset - prefix.length)),
  };
}
