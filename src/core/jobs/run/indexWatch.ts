/** Finds the invalid indexes that a job leaves. Loaded for jobs that build indexes concurrently. */
import { messageOf } from '../../base/errors';
import { quoteQualified } from '../../sql/quote';
import { concurrentIndex, type ConcurrentIndex } from '../../sql/classify/concurrentIndex';
import type { JobFault } from '../faults';
import type { Job, JobFacts } from '../job';
import type { InvalidIndex, WorkerSession } from '../ports';
import type { RunnerContext } from './runnerContext';

/** Adds the invalid indexes that a job has left to its messages. @returns them as facts for its record */
export type ReportIndexes = (job: Job, context: Pick<RunnerContext, 'clock' | 'log'>) => Promise<JobFacts>;

/** How many are reported. */
const MAX_INDEXES = 20;

/** Notes the invalid indexes that exist before a launch. @returns undefined if the text builds no index concurrently */
export async function watchIndexes(session: WorkerSession, sql: string): Promise<ReportIndexes | undefined> {
  const target = concurrentIndex(sql);
  const before = target && (await session.invalidIndexes?.());
  if (!target || !before) return undefined;
  const known = new Set(before.map(({ oid }) => oid));
  return async (job, { clock, log }) => {
    try {
      const after = (await session.invalidIndexes?.()) ?? [];
      const added = after.filter(({ oid }) => !known.has(oid));
      const left = leftBy(target, added).slice(0, MAX_INDEXES);
      for (const { schema, name, tableSchema, table } of left) {
        const params = { index: quoteQualified(schema, name), table: quoteQualified(tableSchema, table) };
        await job.addWarning({ code: 'jobs.invalidIndex', params } satisfies JobFault, clock.now());
      }
      return left.length === 0 ? {} : { invalidIndexes: left };
    } catch (error) {
      log.warn(`Job ${job.id}: could not look for invalid indexes: ${messageOf(error)}`);
      return {};
    }
  };
}

/** The server appends this to the name of an index that REINDEX CONCURRENTLY builds, or replaces. */
const REBUILT = /_cc(?:new|old)\d*$/;

/**
 * The indexes that a statement must have left, among those that have become invalid since its launch. Other sessions may have left some at the
 * same time, but not on the same table: each of these commands excludes others there.
 */
export function leftBy(target: ConcurrentIndex, found: readonly InvalidIndex[]): readonly InvalidIndex[] {
  const { reindex, index, table, schema } = target;
  const own = found.filter(
    (one) => (schema === undefined || one.tableSchema === schema) && (table === undefined || one.table === table),
  );
  if (reindex) {
    const rebuilt = own.filter(({ name }) => REBUILT.test(name));
    // A long name is cut before the suffix is appended.
    return index === undefined ? rebuilt : rebuilt.filter(({ name }) => index.startsWith(name.replace(REBUILT, '')));
  }
  if (index !== undefined) return own.filter(({ name }) => name === index);
  // The server has chosen the name, so it is only certain if there is no other.
  return own.length === 1 ? own : [];
}
