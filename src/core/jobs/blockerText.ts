import type { Blocker } from './ports';

/** Names a process that holds a lock, for example `pid 5, bob, psql`. */
export function blockerText({ pid, user, application }: Blocker): string {
  return [`pid ${pid}`, user, application].filter(Boolean).join(', ');
}
