/** Checks of the server: its kind, worker slots, and time limits. Pure: facts in, results out. */
import { EDIT, result, RETRY, type CheckResult, type Fix } from './checkResult';
import type { ServerFacts } from './facts';

/** Whether a server runs on Windows, judged by the compiler and platform names that such builds put into version(). */
export function isWindowsServer(banner: string): boolean {
  return /\bwindows\b|mingw|visual c\+\+|msvc/i.test(banner);
}

export function checkServer(facts: ServerFacts): readonly CheckResult[] {
  const { version, banner, standby, readOnly } = facts;
  const results = [result('server', 'ok', { code: 'check.server', params: { version, banner } })];
  if (isWindowsServer(banner)) results.push(result('platform', 'warning', { code: 'check.windowsServer' }));
  if (standby) results.push(result('readOnly', 'info', { code: 'check.standby' }, EDIT));
  else if (readOnly) results.push(result('readOnly', 'info', { code: 'check.readOnly' }, EDIT));
  return results;
}

/** This many free slots, or fewer, get a warning. */
const FEW_SLOTS = 2;

export function checkSlots(facts: ServerFacts): CheckResult {
  const { slotsTotal: total, slotsUsed: used } = facts;
  const free = total - used;
  const params = { used, total, free, usedAtLeast: !facts.mayReadStats };
  const raise: Fix = {
    code: 'fix.raiseWorkerProcesses',
    sql: `ALTER SYSTEM SET max_worker_processes = ${Math.max(32, total * 2)};`,
    ...mayRun(facts),
  };
  if (free <= 0) return result('slots', 'error', { code: 'check.noFreeSlot', params }, raise, RETRY);
  if (free <= FEW_SLOTS) return result('slots', 'warning', { code: 'check.fewFreeSlots', params }, raise);
  return result('slots', 'ok', { code: 'check.freeSlots', params });
}

/** The settings that end a worker. */
const TIME_LIMITS = ['statement_timeout', 'transaction_timeout', 'pg_background.worker_timeout'];

export function checkLimits({ settings }: ServerFacts): CheckResult {
  const inForce = [...settings].filter(([name, value]) => name !== 'pg_background.max_workers' && value !== '0');
  const maxWorkers = settings.get('pg_background.max_workers');
  const params = {
    settings: inForce.map(([name, value]) => `${name} = ${value}`),
    ...(maxWorkers === undefined ? {} : { maxWorkers }),
  };
  return inForce.some(([name]) => TIME_LIMITS.includes(name))
    ? result('limits', 'info', { code: 'check.timeLimits', params })
    : result('limits', 'ok', { code: 'check.noTimeLimit', params });
}

/** For SQL that only a superuser may run, and that a read-only server rejects. */
export function mayRun({ superuser, standby, readOnly }: ServerFacts): { readonly mayRun?: true } {
  return superuser && !standby && !readOnly ? { mayRun: true } : {};
}
