import { l10n } from 'vscode';
import type { Job } from '../../core/jobs/job';
import { formatCount } from '../jobs/jobText';
import type { ActiveFilter } from './activeFilter';

/** Describes how many jobs match the filter: `3 of 10 jobs`. */
export function matchText(filter: ActiveFilter, jobs: readonly Job[]): string {
  const count = formatCount(jobs.filter((job) => filter.matches(job)).length);
  return jobs.length === 1 ? l10n.t('{0} of 1 job', count) : l10n.t('{0} of {1} jobs', count, formatCount(jobs.length));
}
