/** What the user is asked about a tool: VS Code's confirmation, which may be given automatically, and our own dialogs, which may not. */
import * as vscode from 'vscode';
import { FaultError } from '../../core/base/fault';
import type { Job } from '../../core/jobs/job';
import { codeBlock } from '../../core/tools/codeBlock';
import type { ToolFault } from '../../core/tools/faults';
import { labeledValues, type LabeledValue } from '../base/labeledValues';
import { SqlDocument } from '../base/sqlDocument';
import * as ui from '../base/ui';
import { fullAddressText, serviceOf } from '../connections/connectionAddress';
import { unboundedWrites } from '../launch/launchConfirmation';
import { toolFaultText } from '../messages/toolMessages';
import type { LaunchPlan } from './launchPlan';

/** Longer SQL does not fit into a dialog: the user can open it. UTF-16 units, and lines. */
const DIALOG_SQL = 1500;
const DIALOG_LINES = 15;

/** VS Code's confirmation of a launch: the exact SQL, and where it runs. */
export function launchConfirmation(plan: LaunchPlan): vscode.LanguageModelToolConfirmationMessages {
  const message = new ui.Markdown();
  for (const { label, value } of factsOf(plan)) message.fact(label, value);
  message.own(codeBlock(plan.sql, 'sql'));
  return { title: vscode.l10n.t('Run SQL on “{0}”?', plan.connection.name), message: message.value };
}

/** VS Code's confirmation of a look at a job of the user's. */
export function readConfirmation({ record }: Job): vscode.LanguageModelToolConfirmationMessages {
  const message = new ui.Markdown();
  message.fact(vscode.l10n.t('Job'), record.label).fact(vscode.l10n.t('Connection'), record.connection);
  return { title: vscode.l10n.t('Let the language model see a job that you launched?'), message: message.value };
}

function factsOf({ connection, label, mayWrite, ignored }: LaunchPlan): { label: string; value: string }[] {
  const production = connection.production === true ? ` (${vscode.l10n.t('production')})` : '';
  const rows: readonly LabeledValue[] = [
    [vscode.l10n.t('Connection'), `${connection.name}${production}`],
    [vscode.l10n.t('Server'), serviceOf(connection) ?? fullAddressText(connection)],
    [vscode.l10n.t('Label'), label],
    [
      vscode.l10n.t('Transaction'),
      mayWrite ? vscode.l10n.t('may write: {0}', toolFaultText(mayWrite)) : vscode.l10n.t('read-only'),
    ],
    [vscode.l10n.t('Comments without effect here'), ignored.join(', ') || undefined],
  ];
  return labeledValues(rows);
}

/**
 * Asks about a launch that needs more than VS Code's confirmation. Never remembers the answer.
 * @throws FaultError if the user does not agree
 */
export async function askToLaunch(plan: LaunchPlan): Promise<void> {
  const { sql, connection, mayWrite } = plan;
  const { name } = connection;
  const message = mayWrite
    ? connection.production === true
      ? vscode.l10n.t(
          'A language model wants to run SQL that may change data on the production connection “{0}”.',
          name,
        )
      : vscode.l10n.t('A language model wants to run SQL that may change data on the connection “{0}”.', name)
    : connection.production === true
      ? vscode.l10n.t('A language model wants to query the production connection “{0}” and read the rows.', name)
      : vscode.l10n.t('A language model wants to query the connection “{0}” and read the rows.', name);
  const run = vscode.l10n.t('Run');
  const showAll = vscode.l10n.t('Show All of the SQL');
  const lines = sql.split('\n');
  const long = sql.length > DIALOG_SQL || lines.length > DIALOG_LINES;
  const shown = long ? `${lines.slice(0, DIALOG_LINES).join('\n').slice(0, DIALOG_SQL)}\n…` : sql;
  const facts = factsOf(plan).map(({ label, value }) => `${label}: ${value}`);
  const warnings = unboundedWrites(sql).map(({ text }) => text);
  const detail = [...facts, ...warnings, '', shown].join('\n');
  const answer = await ui.showWarningMessage(message, { modal: true, detail }, ...(long ? [showAll] : [run]));
  if (answer === run) return;
  if (answer === showAll) {
    const document = await SqlDocument.show(sql);
    // Not a dialog, so that the user can read the SQL.
    const choice = await ui.showWarningMessage(message, run, vscode.l10n.t('Don’t Run'));
    await document.close();
    if (choice === run) return;
  }
  throw declined();
}

/** Asks whether the model may see a job. @throws FaultError if the user does not agree */
export async function askToRead({ record }: Job): Promise<void> {
  await ask(
    vscode.l10n.t(
      'A language model wants to see the job “{0}” of the connection “{1}”.',
      record.label,
      record.connection,
    ),
    {
      modal: true,
      detail: vscode.l10n.t('It can then read the job’s rows, messages, and errors, until VS Code reloads.'),
    },
    vscode.l10n.t('Allow'),
  );
}

/** Asks whether a job of the user's may be canceled. @throws FaultError if the user does not agree */
export async function askToCancel({ record }: Job): Promise<void> {
  await ask(
    vscode.l10n.t(
      'A language model wants to cancel the job “{0}” of the connection “{1}”, which it did not launch.',
      record.label,
      record.connection,
    ),
    { modal: true, closeTitle: vscode.l10n.t('Keep Running') },
    vscode.l10n.t('Cancel Job'),
  );
}

/** @throws FaultError if the user does not choose the button */
async function ask(message: string, options: ui.MessageOptions, button: string): Promise<void> {
  if ((await ui.showWarningMessage(message, options, button)) !== button) throw declined();
}

function declined(): FaultError<ToolFault> {
  return new FaultError<ToolFault>({ code: 'tools.declined' });
}
