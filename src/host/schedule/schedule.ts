/** Schedules SQL with pg_cron, and shows its runs. Loaded on demand. */
import * as vscode from 'vscode';
import {
  checkSchedule,
  createSchedule,
  findCron,
  readRuns,
  scheduleSql,
  type CronJob,
  type CronPlace,
  type CronRun,
  type OpenSession,
  type Schedule,
  type ScheduleCheck,
} from '../../core/postgres/cron/cron';
import { formatDate, formatSpan } from '../../shared/timeText';
import { askToRun } from '../base/askToRun';
import { WORKERS_VIEW } from '../base/commandIds';
import { SqlDocument } from '../base/sqlDocument';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';

/** SQL to schedule. */
export interface Scheduled {
  readonly connection: string;
  readonly sql: string;
  /** The suggested name. */
  readonly label: string;
  /** It has time limits or settings of its own, which pg_cron cannot apply. */
  readonly hasOptions: boolean;
}

/** Asks for a name and a schedule, shows the SQL, and runs it if the user confirms. */
export async function scheduleWithCron(connections: Connections, scheduled: Scheduled): Promise<void> {
  const { connection, sql, label } = scheduled;
  const open = opener(connections, connection);
  const place = await inView(() => findCron(open));
  const title = vscode.l10n.t('Schedule on “{0}”', connection);
  const name = await ui.showInputBox({
    title,
    prompt: vscode.l10n.t('Name of the schedule'),
    value: label,
    ignoreFocusOut: true,
    validateInput: (text) => (text.trim() === '' ? vscode.l10n.t('Enter a name.') : undefined),
  });
  if (name === undefined) return;
  const answer = await askSchedule(open, place, { name, sql }, title);
  if (!answer) return;
  const text = scheduleSql(place, answer.wanted);
  const document = await SqlDocument.show(`${text}\n`);
  const production = connections.find(connection)?.production === true;
  const question = production
    ? vscode.l10n.t('Schedule “{0}” on the production connection “{1}”?', name, connection)
    : vscode.l10n.t('Schedule “{0}” on “{1}”?', name, connection);
  const choice = await askToRun(question, detailOf(place, answer, scheduled.hasOptions), text);
  if (choice === undefined) return;
  await document.close();
  if (choice === 'copied') return;
  const id = await inView(() => createSchedule(open, place, answer.wanted));
  const show = vscode.l10n.t('Show Scheduled Runs…');
  void ui
    .showInformationMessage(vscode.l10n.t('“{0}” is scheduled on “{1}” (pg_cron job {2}).', name, connection, id), show)
    .then((chosen) => (chosen === show ? showScheduledRuns(connections, connection) : undefined));
}

interface Answer {
  readonly wanted: Schedule;
  readonly check: Extract<ScheduleCheck, { kind: 'valid' }>;
}

/** Asks until the server accepts the schedule. */
async function askSchedule(
  open: OpenSession,
  place: CronPlace,
  { name, sql }: Omit<Schedule, 'schedule'>,
  title: string,
): Promise<Answer | undefined> {
  const zone = place.timeZone ?? vscode.l10n.t('pg_cron’s time zone');
  let value = '';
  let problem: string | undefined;
  for (;;) {
    const prompt = vscode.l10n.t('Minute, hour, day of the month, month, day of the week ({0})', zone);
    const schedule = await ui.showInputBox({
      title,
      prompt: problem === undefined ? prompt : `${problem} — ${prompt}`,
      placeHolder: vscode.l10n.t('for example 0 3 * * * (every day at 3:00)'),
      value,
      ignoreFocusOut: true,
      validateInput: (text) => (text.trim() === '' ? vscode.l10n.t('Enter a schedule.') : undefined),
    });
    if (schedule === undefined) return undefined;
    const wanted = { name, sql, schedule: schedule.trim() };
    const check = await inView(() => checkSchedule(open, place, wanted));
    if (check.kind === 'valid') return { wanted, check };
    [value, problem] = [schedule, check.message];
  }
}

function detailOf(place: CronPlace, { wanted, check }: Answer, hasOptions: boolean): string {
  const { database, role, elsewhere } = place;
  return [
    elsewhere === undefined
      ? vscode.l10n.t('Database: {0}\nRole: {1}\nSchedule: {2}', database, role, wanted.schedule)
      : vscode.l10n.t(
          'Database: {0} (pg_cron is in the database {1})\nRole: {2}\nSchedule: {3}',
          database,
          elsewhere,
          role,
          wanted.schedule,
        ),
    ...(check.replaces
      ? [vscode.l10n.t('This replaces your schedule of the same name ({0}).', check.replaces.schedule)]
      : []),
    ...(hasOptions ? [vscode.l10n.t('The time limits and settings of this job do not apply to scheduled runs.')] : []),
    vscode.l10n.t(
      'pg_cron runs the SQL on the server and keeps no rows. The statement is open in the editor. To read it first, cancel, and use the command again.',
    ),
  ].join('\n\n');
}

interface RunItem extends vscode.QuickPickItem {
  /** What opens when the item is chosen. */
  readonly text?: string;
}

/** Lists the schedules of a connection's database and their runs. A chosen one opens with its SQL and message. */
export async function showScheduledRuns(connections: Connections, connection: string): Promise<void> {
  const open = opener(connections, connection);
  const { jobs, runs } = await inView(async () => readRuns(open, await findCron(open)));
  if (jobs.length === 0 && runs.length === 0) {
    void ui.showInformationMessage(vscode.l10n.t('pg_cron has no schedules for the database of “{0}”.', connection));
    return;
  }
  const items: RunItem[] = [
    ...section(vscode.l10n.t('Runs'), runs.map(runItem)),
    ...section(vscode.l10n.t('Schedules'), jobs.map(jobItem)),
  ];
  const picked = await ui.showQuickPick(items, {
    title: vscode.l10n.t('Scheduled Runs of “{0}”', connection),
    placeHolder: vscode.l10n.t('Choose a run to read its SQL and its message'),
    matchOnDescription: true,
    matchOnDetail: true,
  });
  if (picked?.text !== undefined) await SqlDocument.show(picked.text);
}

function section(label: string, items: readonly RunItem[]): readonly RunItem[] {
  return items.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function runItem({ name, jobId, status, role, startedAt, finishedAt, message, command }: CronRun): RunItem {
  const [started, finished] = [startedAt, finishedAt].map((at) => (at === null ? undefined : Date.parse(at)));
  const parts = [
    status,
    ...(started === undefined ? [] : [formatDate(started, vscode.env.language)]),
    ...(started === undefined || finished === undefined ? [] : [formatSpan(finished - started)]),
    role,
  ];
  const label = name ?? vscode.l10n.t('pg_cron job {0}', jobId);
  const icon = status === 'failed' ? 'error' : status === 'succeeded' ? 'pass' : 'clock';
  return {
    label,
    description: parts.join(' · '),
    ...(message === null ? {} : { detail: message }),
    iconPath: new vscode.ThemeIcon(icon),
    text: `${commentOf([label, ...parts, message ?? ''])}${command}\n`,
  };
}

function jobItem({ id, name, schedule, command, role, active }: CronJob): RunItem {
  const label = name ?? vscode.l10n.t('pg_cron job {0}', id);
  const parts = [schedule, role, ...(active ? [] : [vscode.l10n.t('not active')])];
  return {
    label,
    description: parts.join(' · '),
    iconPath: new vscode.ThemeIcon('calendar'),
    text: `${commentOf([label, ...parts])}${command}\n`,
  };
}

/** SQL comments, one per line of the texts. */
function commentOf(texts: readonly string[]): string {
  const lines = texts.flatMap((text) => text.split(/\r\n|\r|\n/)).filter((line) => line !== '');
  return lines.map((line) => `-- ${line}\n`).join('');
}

function opener(connections: Connections, connection: string): OpenSession {
  return (database) => {
    connections.allowPrompts(connection);
    return connections.openSession(connection, database);
  };
}

function inView<T>(task: () => Promise<T>): Thenable<T> {
  return ui.withProgress({ location: { viewId: WORKERS_VIEW } }, task);
}
