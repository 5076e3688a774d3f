import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/spool/spoolStore';
import { jobInfo, shownNotices } from '../messages/jobInfo';
import type { ResultsSource } from './rowSource';

/** Creates the source of the results panels from the jobs of this window and the files of their rows. */
export function jobSource(
  jobs: JobService,
  files: SpoolFiles,
  actions: Pick<ResultsSource, 'cancel' | 'rerun' | 'errorPlace'>,
): ResultsSource {
  return {
    job: (id) => {
      const job = jobs.get(id);
      if (job === undefined) return undefined;
      const { request, limits, rows, cancel, noticeCount, noticesDropped } = job.record;
      const usual = jobs.usualDuration(job);
      return {
        info: jobInfo(job),
        request,
        final: job.final,
        ...(limits === undefined ? {} : { limits }),
        noticeCount,
        ...(noticesDropped === undefined ? {} : { noticesDropped }),
        ...(usual === undefined ? {} : { usual }),
        ...(rows === undefined ? {} : { kept: rows }),
        ...(cancel?.signaledAt === undefined ? {} : { signaledAt: cancel.signaledAt }),
      };
    },
    onDidChange: (listener) => jobs.onDidChange((job) => listener(job.id)),
    onDidRemove: (listener) => jobs.onDidRemove(listener),
    // The record has columns as soon as the file of the rows exists.
    rows: async (id) => {
      const columns = jobs.get(id)?.record.columns;
      return columns === undefined ? undefined : files.open(id, columns);
    },
    notices: (id) => shownNotices(jobs.notices(id)),
    noticesNotHeld: (id) => jobs.get(id)?.noticesNotHeld ?? 0,
    fullText: (id, what) => {
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
