import type { PgBackgroundApi, WorkerInfo } from '../api';
import { findWorker } from '../core/jobs/findWorker';
import type { JobService } from '../core/jobs/jobService';
import { validateProfile } from '../core/postgres/connect/conninfo/profile';
import type { ActiveWorker } from '../core/jobs/ports';
import type { SpoolFiles } from '../core/results/spool/spoolStore';
import { errorText, faultText } from './messages/faultText';
import { jobInfo, shownNotices } from './messages/jobInfo';
import type { Launcher } from './launch/launcher';
import { profileText } from './messages/profileMessages';
import { omit } from './base/omit';
import type { Connections } from './connections/connections';
import type { DurableAdmin } from './durable/durableAdmin';

/**
 * Creates the API that `activate()` returns (src/api.ts).
 *
 * @param restored resolves when the jobs of earlier sessions are known; requests for jobs that are unknown until then wait for it
 */
export function createApi(
  jobs: JobService,
  launcher: Launcher,
  connections: Connections,
  files: SpoolFiles,
  restored: Promise<void>,
  durableAdmin: DurableAdmin,
): PgBackgroundApi {
  const checkJob = (id: string): void => {
    if (!jobs.get(id)) throw new Error(faultText({ code: 'jobs.unknownJob', params: { id } }));
  };
  const known = async (id: string): Promise<void> => {
    if (!jobs.get(id)) await restored;
  };
  return {
    run: async (request) => {
      const job = await withText(launcher.run(request));
      // On disk, so that a job that was confirmed is never forgotten; if it cannot be written, the user is warned.
      await job.saved;
      return jobInfo(job);
    },
    runBatch: async (request) => {
      const batch = await withText(launcher.batches().then((batches) => batches.runBatch(request)));
      await Promise.all(batch.map((job) => job.saved));
      return batch.map(jobInfo);
    },
    jobs: () => jobs.jobs.map(jobInfo),
    onDidChangeJob: (listener) => jobs.onDidChange((job) => listener(jobInfo(job))),
    cancel: async (id, options) => {
      await known(id);
      return withText(jobs.cancel(id, options?.graceMs));
    },
    waitFor: async (id) => {
      await known(id);
      return jobInfo(await withText(jobs.waitFor(id)));
    },
    rows: async (id, offset, limit) => {
      await known(id);
      checkJob(id);
      const columns = jobs.get(id)?.record.columns;
      if (!columns) return { columns: [], rows: [] };
      const reader = await files.open(await withText(jobs.durable.openRows(id, true)), columns);
      try {
        return {
          columns: reader.columns.map(({ name, type }) => ({ name, type })),
          rows: await reader.rows(offset, limit),
        };
      } finally {
        await reader.close();
      }
    },
    notices: (id) => {
      checkJob(id);
      return shownNotices(jobs.notices(id));
    },
    addConnection: async (profile, password) => {
      const checked = validateProfile(profile);
      if ('fault' in checked) throw new Error(profileText(checked.fault));
      await connections.save(checked.profile, password);
    },
    // A command line may contain a secret.
    connections: () => connections.profiles.map((profile) => omit(profile, 'passwordCommand')),
    registerConnectionProvider: (provider) => connections.providers.register(provider),
    setUpDurableJobs: (connection) => withText(durableAdmin.install(connection)),
    workers: async (connection) => {
      const snapshot = await connections.link(connection).refresh();
      return snapshot.workers.map((worker) => {
        const job = jobs.jobs.find(
          ({ record }) => record.backendStart !== undefined && findWorker(snapshot, record) === worker,
        );
        return workerInfo(worker, job?.id);
      });
    },
    activity: (id) => {
      checkJob(id);
      const job = jobs.get(id);
      const worker = job && jobs.activity(job);
      return worker && workerInfo(worker, id);
    },
  };
}

function workerInfo({ blockers, ...worker }: ActiveWorker, jobId: string | undefined): WorkerInfo {
  const { pid, backendStart, label, user, database, state, waitEvent, waitEventType, kind } = worker;
  const optional = { user, database, state, waitEvent, waitEventType, kind, jobId };
  return {
    pid,
    backendStart,
    label,
    ...(Object.fromEntries(Object.entries(optional).filter(([, value]) => value !== undefined)) as Partial<WorkerInfo>),
    ...(blockers.length === 0 ? {} : { blockedBy: blockers.map((blocker) => blocker.pid) }),
  };
}

/** Rejects with an error whose message is for users. */
async function withText<T>(result: Promise<T>): Promise<T> {
  try {
    return await result;
  } catch (error) {
    throw new Error(errorText(error), { cause: error });
  }
}
