import { carriedBy } from '../../sql/settings/carriedSettings';
import { effectsOf, type SessionEffect } from '../../sql/settings/sessionEffects';
import { SessionSettings } from '../../sql/settings/sessionSettings';
import { appliedTo, merged } from '../batches/batchSession';
import type { BatchStatement } from '../batches/newBatch';

/**
 * The statements of a batch that the server runs, each with what it takes over. As nothing changes them later, the statements before are
 * assumed to succeed.
 */
export function durableStatements(statements: readonly BatchStatement[]): BatchStatement[] {
  const effects = new Map<number, SessionEffect[]>();
  return statements.map((statement) => {
    const { request, session } = statement;
    if (!session || session.applied) return statement;
    const { key, before = [] } = session;
    const earlier = effects.get(key) ?? [...before];
    const settings = new SessionSettings();
    settings.apply(earlier);
    const taken = carriedBy(settings, request.sql);
    effects.set(key, [...earlier, ...effectsOf(request.sql)]);
    return {
      request: { ...request, ...merged(request, taken) },
      session: { ...session, applied: appliedTo(request, taken) },
    };
  });
}
