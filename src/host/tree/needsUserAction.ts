import type { LinkState } from '../../core/postgres/server/serverLink';

/** Whether only the user can fix the connection. Retrying would not help, and repeated wrong passwords may lock the account. */
export function needsUserAction(state: LinkState | undefined): boolean {
  if (state?.kind !== 'error' || state.reason === undefined) return false;
  return !['unreachable', 'timeout', 'slots', 'starting', 'aborted', 'sessionAttrs', 'server'].includes(state.reason);
}
