/** The settings and the role that the statements of a batch share, as the statements of a session in psql do. */
import type { RunRequest } from '../../../api';
import { carriedBy, type CarriedSettings } from '../../sql/settings/carriedSettings';
import { effectsOf, type SessionEffect } from '../../sql/settings/sessionEffects';
import { SessionSettings } from '../../sql/settings/sessionSettings';
import type { Job, JobRecord } from '../job';
import type { SharedSession } from './batchPart';

/** The facts that a launch adds to the record of a statement. */
export type SessionFacts = Required<Pick<JobRecord, 'request' | 'batch'>>;

/**
 * What a statement takes over at its launch. As in psql, a statement that has failed sets nothing. One that has not ended counts: if
 * statements run at the same time, the order of the text decides.
 *
 * @param jobs the jobs of the batch
 * @returns undefined if it takes over nothing, or did so before
 */
export function takeOver(job: Job, jobs: readonly Job[]): SessionFacts | undefined {
  const { batch, request } = job.record;
  if (!batch?.session || batch.session.applied) return undefined;
  const taken = carried(job, jobs);
  return {
    request: merged(request, taken),
    batch: { ...batch, session: { ...batch.session, applied: appliedTo(request, taken) } },
  };
}

/** The request of a statement, to run it again alone: with what it took over, or would have. */
export function standaloneRequest(job: Job, jobs: readonly Job[]): RunRequest {
  const { batch, request } = job.record;
  return batch?.session && !batch.session.applied ? merged(request, carried(job, jobs)) : request;
}

/** The request of a statement without what it took over. */
export function ownRequest({ request, batch }: JobRecord): RunRequest {
  const applied = batch?.session?.applied;
  if (!applied) return request;
  const own: { -readonly [Name in keyof RunRequest]: RunRequest[Name] } = { ...request };
  own.sql = request.sql.slice(applied.prefix);
  if (applied.settings) own.settings = applied.settings;
  else delete own.settings;
  return own;
}

/** The effects of the statements before one that shares a session with them. */
function effectsBefore(job: Job, jobs: readonly Job[]): readonly SessionEffect[] {
  const { batch } = job.record;
  if (!batch?.session) return [];
  const { key, before = [] } = batch.session;
  const earlier = jobs.filter(({ record, state, final }) => {
    const part = record.batch;
    return part && part.index < batch.index && part.session?.key === key && (state === 'succeeded' || !final);
  });
  return [...before, ...earlier.flatMap(effectsOfJob)];
}

/** Each statement is asked once for each one after it, and its text may be long. */
const EFFECTS = new WeakMap<Job, readonly SessionEffect[]>();

function effectsOfJob(job: Job): readonly SessionEffect[] {
  let effects = EFFECTS.get(job);
  // What was put before its text sets nothing that outlasts its transaction.
  if (!effects) EFFECTS.set(job, (effects = effectsOf(job.record.request.sql)));
  return effects;
}

/**
 * A statement that runs again in a new batch, with others of the old one that did not succeed. If a statement before it was removed, no one
 * knows what that one set: it then runs with what it took over the last time.
 */
export function statementAgain(
  job: Job,
  jobs: readonly Job[],
): { readonly request: RunRequest; readonly session: SharedSession | undefined } {
  const { request, batch } = job.record;
  const session = batch?.session;
  if (
    batch &&
    session?.applied &&
    jobs.filter((other) => (other.record.batch?.index ?? 0) < batch.index).length < batch.index
  ) {
    return { request, session: undefined };
  }
  return {
    request: ownRequest(job.record),
    session: session && { key: session.key, before: effectsBefore(job, jobs) },
  };
}

function carried(job: Job, jobs: readonly Job[]): CarriedSettings {
  const session = new SessionSettings();
  session.apply(effectsBefore(job, jobs));
  return carriedBy(session, job.record.request.sql);
}

export function appliedTo(request: RunRequest, { prefix }: CarriedSettings): SharedSession['applied'] & object {
  return { prefix: prefix.length, ...(request.settings && { settings: request.settings }) };
}

export function merged(request: RunRequest, { prefix, settings }: CarriedSettings): RunRequest {
  const all = { ...settings, ...request.settings };
  return { ...request, sql: prefix + request.sql, ...(Object.keys(all).length > 0 ? { settings: all } : {}) };
}
