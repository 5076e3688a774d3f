/** What a task's terminal shows about jobs. Every text is safe for a terminal. */
import { l10n } from 'vscode';
import type { Job } from '../../core/jobs/job';
import type { KeptNotice } from '../../core/jobs/textBudget';
import { formatSpan } from '../../shared/timeText';
import { plainLabel } from '../base/plainText';
import { batchDuration, batchEndText, batchState, orderText, partOf } from '../jobs/batchText';
import { problemText } from '../jobs/jobErrorText';
import { join, jobSummary, rowsText, stateTitle } from '../jobs/jobText';
import { faultText } from '../messages/faultText';
import { styled, terminalLine, terminalText, type TerminalStyle } from './terminalText';

/** How a job is named in the terminal, so that a link finds it. */
export function shortId(id: string): string {
  return id.replaceAll(/[^0-9a-z]/gi, '').slice(-8);
}

function name(label: string): string {
  return terminalLine(plainLabel(label));
}

/** The line after the launch. */
export function launchedText(jobs: readonly Job[]): string {
  const [first] = jobs;
  if (!first) return '';
  const { label, connection, durable } = first.record;
  const part = jobs.length > 1 ? partOf(jobs) : undefined;
  const what = part
    ? l10n.t('“{0}” on “{1}”: {2} statements, {3}.', name(part.label), name(connection), jobs.length, orderText(part))
    : l10n.t('“{0}” on “{1}”.', name(label), name(connection));
  const how = durable
    ? l10n.t('Ctrl+C cancels it. It is durable: it needs neither this terminal nor this window.')
    : l10n.t('Ctrl+C cancels it.');
  return `${styled('bold', what)} ${styled('faint', how)}`;
}

/** The current state of the jobs, for the line that is replaced. No elapsed time, which would change all the time. */
export function statusText(jobs: readonly Job[], position: (job: Job) => number | undefined): string {
  const living = jobs.filter(({ final }) => !final);
  const [shown] = living.filter(({ state }) => state !== 'queued').concat(living);
  if (!shown) return '';
  const counts = jobs.length > 1 ? l10n.t('{0} of {1}', jobs.length - living.length, jobs.length) : '';
  return terminalLine(join(counts, jobs.length > 1 ? name(shown.record.label) : '', stateText(shown, position(shown))));
}

function stateText(job: Job, position: number | undefined): string {
  const { state, pid, progress, reason } = job.record;
  const why = reason ? faultText(reason) : '';
  switch (state) {
    case 'queued':
      return join(jobSummary(job, 0, position).short, why);
    case 'running': {
      const process = pid === undefined ? '' : l10n.t('pid {0}', pid);
      return join(stateTitle(state), process, progress ? `${progress.pct}%` : '', progress?.message ?? '', why);
    }
    default:
      return join(stateTitle(state), why);
  }
}

/** A message of a job. @param label set if several jobs write to the terminal */
export function noticeText({ severity, message, detail, hint, truncatedBytes }: KeptNotice, label?: string): string {
  const style: TerminalStyle | undefined = severity === 'WARNING' ? 'yellow' : undefined;
  const heading = terminalLine(`${severity}:`);
  const first = `${style ? styled(style, heading) : heading}  ${terminalText(message, undefined, truncatedBytes)}`;
  const rest = [
    ...(detail ? [`DETAIL:  ${terminalText(detail)}`] : []),
    ...(hint ? [`HINT:  ${terminalText(hint)}`] : []),
  ];
  return [label === undefined ? first : `${styled('faint', name(label))} ${first}`, ...rest].join('\r\n');
}

/** How a job ended; the last line names the outcome. @param place of the error in its file, `path:line:column` */
export function endText(job: Job, place: string | undefined): string {
  const problem = errorLines(job, place);
  return problem === '' ? outcomeText(job) : `${problem}\r\n${outcomeText(job)}`;
}

/** How a statement of a batch ended. */
export function statementEndText(job: Job, place: string | undefined): string {
  const { batch, label } = job.record;
  const number = batch ? `${batch.index + 1}/${batch.count} ` : '';
  const problem = errorLines(job, place);
  return `${number}${name(label)}: ${outcomeText(job)}${problem === '' ? '' : `\r\n${problem}`}`;
}

function outcomeText(job: Job): string {
  const { state, error, reason, launchedAt, finishedAt } = job.record;
  const span = launchedAt === undefined || finishedAt === undefined ? '' : formatSpan(finishedAt - launchedAt);
  const why = reason && !error ? terminalText(faultText(reason)) : '';
  switch (state) {
    case 'succeeded':
      return join(styled('green', stateTitle(state)), terminalLine(rowsText(job)), span);
    case 'failed':
      return join(styled('red', stateTitle(state)), span, why);
    case 'canceled':
      return join(styled('yellow', stateTitle(state)), span, why);
    default:
      return [styled('yellow', l10n.t('The outcome is unknown.')), why].filter((text) => text !== '').join(' ');
  }
}

function errorLines({ record: { state, error } }: Job, place: string | undefined): string {
  if (state !== 'failed' || !error) return '';
  const at = place === undefined ? '' : `${terminalLine(place)}: `;
  return `${at}${styled('red', 'ERROR:')}  ${terminalText(problemText(error), undefined, error.truncatedBytes)}`;
}

/** How a batch ended. */
export function batchEnd(jobs: readonly Job[]): string {
  const state = batchState(jobs);
  const style = state === 'succeeded' ? 'green' : state === 'failed' ? 'red' : 'yellow';
  const text = batchEndText(plainLabel(partOf(jobs)?.label ?? ''), jobs, formatSpan(batchDuration(jobs) ?? 0));
  return styled(style, terminalLine(text));
}

/** The line with the link that opens a job's results. */
export function resultsLink(id: string): string {
  return `${styled('underlined', showResults())} (${shortId(id)})`;
}

/** Finds {@link resultsLink} in a line of a terminal, which has no styles. */
export function findResultsLink(
  line: string,
): { readonly start: number; readonly length: number; readonly id: string } | undefined {
  const text = showResults();
  const start = line.indexOf(`${text} (`);
  const id = /^(\w{1,8})\)/.exec(line.slice(start + text.length + 2))?.[1];
  return start < 0 || id === undefined ? undefined : { start, length: text.length, id };
}

function showResults(): string {
  return l10n.t('Show Results');
}
