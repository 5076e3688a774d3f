import type { JobService } from '../../core/jobs/jobService';
import type { SpoolFiles } from '../../core/results/jobFiles';
import type { ResultsSource } from './source';

/** The results panels' source: the jobs of this window and the files of their rows. */
export function jobSource(
  jobs: JobService,
  files: SpoolFiles,
  actions: Pick<ResultsSource, 'cancel' | 'rerun'>,
): ResultsSource {
  return {
    job: (id) => {
      const job = jobs.get(id);
      if (job === undefined) return undefined;
      const { request, rows, cancel } = job.record;
      return {
        info: job.info(),
        request,
        final: job.final,
        ...(rows === undefined ? {} : { kept: rows }),
        ...(cancel?.signaledAt === undefined ? {} : { signaledAt: cancel.signaledAt }),
      };
    },
    onDidChange: (listener) => jobs.onDidChange((job) => listener(job.id)),
    onDidRemove: (listener) => jobs.onDidRemove(listener),
    // The columns are noted once there is a file for the rows.
    rows: async (id) => {
      const columns = jobs.get(id)?.record.columns;
      return columns === undefined ? undefined : files.open(id, columns);
    },
    notices: (id) => jobs.notices(id),
    ...actions,
  };
}
