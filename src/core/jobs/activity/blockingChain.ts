import type { BlockingProcess } from './inspection';

/** A process of a chain, with its distance from the worker: 1 for those that the worker waits for. */
export interface ChainStep {
  readonly process: BlockingProcess;
  readonly depth: number;
}

/**
 * Orders a blocking chain from the worker to its root: each process follows one that waits for it. A process that several wait for is
 * listed once, at its first place.
 *
 * @param pid the worker
 */
export function chainSteps(pid: number, chain: readonly BlockingProcess[]): readonly ChainStep[] {
  const steps: ChainStep[] = [];
  const listed = new Set<BlockingProcess>();
  const follow = (waiter: number, depth: number): void => {
    for (const process of chain) {
      if (listed.has(process) || !process.blocks.includes(waiter)) continue;
      listed.add(process);
      steps.push({ process, depth });
      if (process.pid !== 0) follow(process.pid, depth + 1);
    }
  };
  follow(pid, 1);
  return steps;
}

/** The pids that wait for themselves: the server ends one of them after its deadlock_timeout. */
export function pidsInCycles(
  pid: number,
  chain: readonly Pick<BlockingProcess, 'pid' | 'blocks'>[],
): ReadonlySet<number> {
  const waitsFor = (waiter: number): number[] =>
    chain.filter(({ blocks }) => blocks.includes(waiter)).map((blocker) => blocker.pid);
  const inCycle = (start: number): boolean => {
    const seen = new Set<number>();
    const next = waitsFor(start);
    for (const one of next) {
      if (one === start) return true;
      if (seen.has(one)) continue;
      seen.add(one);
      next.push(...waitsFor(one));
    }
    return false;
  };
  return new Set([pid, ...chain.map((process) => process.pid)].filter((one) => one !== 0 && inCycle(one)));
}

/**
 * Why a process of a chain cannot be canceled or terminated:
 * - `unseen`: the role may not see which process it is
 * - `prepared`: a prepared transaction has no process
 * - `wraparound`: an autovacuum that must not be interrupted
 * - `autovacuum`: the server ends it by itself
 * - `walsender`: it sends changes to a standby or a subscriber
 * - `server`: another process of the server
 */
export type NotSignaled = 'unseen' | 'prepared' | 'wraparound' | 'autovacuum' | 'walsender' | 'server';

/** @returns undefined if it can be signaled */
export function whyNotSignaled({
  pid,
  backendStart,
  backendType,
  query = '',
}: BlockingProcess): NotSignaled | undefined {
  if (pid === 0) return 'prepared';
  if (backendStart === undefined || backendType === undefined) return 'unseen';
  switch (backendType) {
    case 'client backend':
    case 'pg_background':
      return undefined;
    case 'walsender':
      return 'walsender';
    case 'autovacuum worker':
      // pg_stat_activity has no other sign of it.
      return query.includes('(to prevent wraparound)') ? 'wraparound' : 'autovacuum';
    default:
      return 'server';
  }
}
