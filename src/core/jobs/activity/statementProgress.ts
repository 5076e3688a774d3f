import type { StatementProgress } from './inspection';

/** A part of the work that the server can count. */
export interface ProgressCount {
  readonly done: number;
  readonly total: number;
  /** Whole percent, rounded down, 0 to 100. */
  readonly pct: number;
}

/**
 * Which counters belong to a phase, by view (PostgreSQL 18, "Progress Reporting"). A counter of another phase is full or empty, and would
 * show a wrong percentage. A phase that is not listed has no total.
 */
const COUNTERS: Readonly<Record<string, readonly (readonly [phase: RegExp, done: string, total: string])[]>> = {
  vacuum: [
    [/^scanning heap/, 'heap_blks_scanned', 'heap_blks_total'],
    [/^vacuuming heap/, 'heap_blks_vacuumed', 'heap_blks_total'],
    [/^(vacuuming|cleaning up) indexes/, 'indexes_processed', 'indexes_total'],
  ],
  analyze: [
    [/^acquiring (inherited )?sample rows/, 'sample_blks_scanned', 'sample_blks_total'],
    [/^computing extended statistics/, 'ext_stats_computed', 'ext_stats_total'],
  ],
  create_index: [
    [/^waiting for/, 'lockers_done', 'lockers_total'],
    [/tuples/, 'tuples_done', 'tuples_total'],
    [/^(building index|index validation)/, 'blocks_done', 'blocks_total'],
  ],
  cluster: [[/^seq scanning heap/, 'heap_blks_scanned', 'heap_blks_total']],
  copy: [[/^/, 'bytes_processed', 'bytes_total']],
  basebackup: [[/^streaming database files/, 'backup_streamed', 'backup_total']],
};

/** @returns undefined if the server does not know a total */
export function progressCount({ view, columns }: StatementProgress): ProgressCount | undefined {
  const values = new Map(columns);
  const count = (done: string, total: string): ProgressCount | undefined => {
    const [doneValue, totalValue] = [Number(values.get(done)), Number(values.get(total))];
    if (!(doneValue >= 0) || !(totalValue > 0)) return undefined;
    const pct = Math.floor(Math.min(1, doneValue / totalValue) * 100);
    return { done: doneValue, total: totalValue, pct };
  };
  const known = COUNTERS[view];
  if (known) {
    const phase = values.get('phase') ?? '';
    const [, done = '', total = ''] = known.find(([pattern]) => pattern.test(phase)) ?? [];
    return count(done, total);
  }
  // A view of a later version: it must be clear which counters belong together.
  const totals = columns.filter(([name, value]) => name.endsWith('_total') && Number(value) > 0);
  const [only] = totals;
  if (totals.length !== 1 || !only) return undefined;
  const about = only[0].slice(0, -'_total'.length);
  return count(`${about}_done`, only[0]) ?? count(`${about}_processed`, only[0]);
}
