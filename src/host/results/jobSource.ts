import { join } from 'node:path';
import type { Job } from '../../core/jobs/job';
import type { JobService } from '../../core/jobs/jobService';
import type { ServerLink } from '../../core/jobs/ports';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import { jobInfo, shownNotices } from '../messages/jobInfo';
import type { OtherJobsSource } from '../tree/otherJobs';
import type { ResultsSource } from './rowSource';

/** Creates the source of the results panels from the jobs of this window and the files of their rows. */
export function jobSource(
  jobs: JobService,
  files: SpoolFiles,
  actions: Pick<ResultsSource, 'cancel' | 'rerun' | 'errorPlace'>,
  others: OtherJobsSource,
  linkOf: (connection: string) => ServerLink | undefined,
): ResultsSource {
  const jobOf = (id: string): Job | undefined => jobs.get(id) ?? others.get(id)?.job;
  return {
    linked: (id) => {
      const job = jobOf(id);
      const link = job && linkOf(job.record.connection);
      return job && link && { job, link };
    },
    job: (id) => {
      const job = jobOf(id);
      if (job === undefined) return undefined;
      const { request, limits, rows, cancel, noticeCount, noticesDropped, durable, waited } = job.record;
      const usual = jobs.usualDuration(job);
      return {
        info: jobInfo(job),
        request,
        final: job.final,
        ...(durable && { durable, copying: jobs.durable.copying(id) }),
        ...(limits === undefined ? {} : { limits }),
        noticeCount,
        ...(waited && { waited }),
        ...(noticesDropped === undefined ? {} : { noticesDropped }),
        ...(usual === undefined ? {} : { usual }),
        ...(rows === undefined ? {} : { kept: rows }),
        ...(cancel?.signaledAt === undefined ? {} : { signaledAt: cancel.signaledAt }),
      };
    },
    onDidChange: (listener) => {
      const own = jobs.onDidChange((job) => listener(job.id));
      const foreign = others.onDidChange((ids) => ids.forEach(listener));
      return {
        dispose: () => {
          own.dispose();
          foreign.dispose();
        },
      };
    },
    onDidRemove: (listener) => jobs.onDidRemove(listener),
    // The record has columns as soon as the file of the rows exists.
    rows: async (id, all) => {
      const columns = jobOf(id)?.record.columns;
      if (columns === undefined) return undefined;
      const other = jobs.get(id) ? undefined : others.get(id);
      if (other) {
        const { SpoolReader } = await import('../../core/results/spool/spool');
        return SpoolReader.open(join(other.workspace.folder, 'rows', id), columns);
      }
      return files.open(await jobs.durable.openRows(id, all), columns);
    },
    shown: (id) => {
      if (jobOf(id)?.final === true) jobs.durable.seen(id);
      // The beginning is shown until then.
      void jobs.durable.whole(id).catch(() => undefined);
    },
    notices: (id) => shownNotices(jobOf(id)?.notices ?? []),
    noticesNotHeld: (id) => jobOf(id)?.noticesNotHeld ?? 0,
    fullText: (id, what) => {
      // Showing a long text would write into the folder of the other workspace.
      if (!jobs.get(id)) return undefined;
      const { error, notices, texts, shown } = jobs.filesOf(id);
      if (what === 'error') return { file: error, shown };
      if (what === 'messages') return { file: notices, shown };
      const job = jobs.get(id);
      const place = job?.notices[what - job.noticesNotHeld]?.fullText;
      return place && { file: texts, place, shown };
    },
    ...actions,
  };
}
