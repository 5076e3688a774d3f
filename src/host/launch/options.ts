import * as vscode from 'vscode';
import { MAX_QUEUE_SIZE_BYTES, MIN_QUEUE_SIZE_BYTES, parseSetting } from '../../core/sql/directives';
import { parseInto } from '../../core/sql/intoTable';
import { MAX_LABEL_BYTES, utf8Length } from '../../core/sql/labels';
import { parseBytes, parseDuration } from '../../core/sql/settings/gucUnits';
import { durationProblem, durationText } from './durations';
import type { RunOptions } from './request';
import { askOne, askText, BACK, type TextQuestion } from '../base/multiStepInput';

/** The initial state of the options form. */
export interface OptionsStart {
  readonly title: string;
  /** The number of jobs. All get the same options; each gets its own label unless one is entered. */
  readonly jobs: number;
  /** The options set by comments or the file's defaults. */
  readonly options: RunOptions;
  readonly connections: readonly vscode.QuickPickItem[];
  /** Offer to save the options as the file's defaults. */
  readonly canSave: boolean;
}

export interface OptionsAnswer {
  readonly options: RunOptions;
  readonly saveAsDefaults: boolean;
}

type Answers = { -readonly [K in keyof RunOptions]: RunOptions[K] | undefined };

/** A row of the list: an option with its value, or Run. */
interface OptionRow extends vscode.QuickPickItem {
  /** Changes the option. Undefined: run now. */
  readonly change?: () => Promise<void> | void;
}

/**
 * Shows a list with Run and every option of the launch. Choosing an option changes it and returns to the list.
 * @returns undefined if the user closed the list
 */
export async function askOptions(start: OptionsStart): Promise<OptionsAnswer | undefined> {
  const answers: Answers = { ...start.options };
  let saveAsDefaults = false;
  const text = async (question: TextQuestion, keep: (value: string) => void): Promise<void> => {
    const value = await askText({ title: start.title, step: 1, totalSteps: 1 }, question);
    if (typeof value === 'string') keep(value.trim());
  };
  /** @param value undefined: the server's default */
  const duration = (name: string, value: string | undefined, keep: (value: string) => void): OptionRow => ({
    label: name,
    description: value === undefined ? vscode.l10n.t('server default') : limitText(value),
    change: () =>
      text(
        {
          value: value ?? '',
          placeholder: vscode.l10n.t('Server default'),
          prompt: vscode.l10n.t(
            '{0} of the worker, for example 30s or 5min. 0 = no limit. Leave empty for the server default.',
            name,
          ),
          check: durationProblem,
        },
        keep,
      ),
  });
  const limit = (name: string, key: 'statementTimeoutMs' | 'workerTimeoutMs'): OptionRow => {
    const ms = answers[key];
    return duration(name, ms === undefined ? undefined : durationText(ms), (value) => {
      answers[key] = parseDuration(value);
    });
  };
  const rows = (): OptionRow[] => [
    {
      label: vscode.l10n.t('Run'),
      iconPath: new vscode.ThemeIcon('play'),
      description:
        start.jobs === 1
          ? vscode.l10n.t('with the options below')
          : vscode.l10n.t('{0} jobs, with the options below', start.jobs),
    },
    { label: vscode.l10n.t('Options'), kind: vscode.QuickPickItemKind.Separator },
    {
      label: vscode.l10n.t('Label'),
      description: answers.label ?? vscode.l10n.t('from the SQL'),
      change: () =>
        text(
          {
            value: answers.label ?? '',
            placeholder: vscode.l10n.t('From the SQL'),
            prompt:
              start.jobs === 1
                ? vscode.l10n.t(
                    'Label of the job. Every role can read it in pg_stat_activity. Leave empty to make it from the SQL.',
                  )
                : vscode.l10n.t('Label of all {0} jobs. Leave empty to make each from its SQL.', start.jobs),
            check: labelProblem,
          },
          (value) => (answers.label = value === '' ? undefined : value),
        ),
    },
    {
      label: vscode.l10n.t('Connection'),
      description: answers.connection ?? vscode.l10n.t('chosen when you run'),
      change: async () => {
        const active = start.connections.find(({ label }) => label === answers.connection);
        const picked = await askOne(
          { title: start.title, step: 1, totalSteps: 1 },
          {
            placeholder: vscode.l10n.t('Connection to run on'),
            items: start.connections,
            ...(active ? { active } : {}),
          },
        );
        if (picked !== BACK && picked) answers.connection = picked.label;
      },
    },
    limit('statement_timeout', 'statementTimeoutMs'),
    limit('pg_background.worker_timeout', 'workerTimeoutMs'),
    duration('lock_timeout', answers.settings?.['lock_timeout'], (value) => {
      answers.settings = withSetting(answers.settings, 'lock_timeout', value);
    }),
    {
      label: vscode.l10n.t('Attempts after a lock timeout'),
      description: String(answers.retryOnLockTimeout ?? 1),
      change: () =>
        text(
          {
            value: String(answers.retryOnLockTimeout ?? ''),
            placeholder: '1',
            prompt: vscode.l10n.t(
              'How many attempts at most, from 1 to 100, if the SQL does not get a lock in time. Leave empty for one.',
            ),
            check: attemptsProblem,
          },
          (value) => (answers.retryOnLockTimeout = value === '' ? undefined : Number(value)),
        ),
    },
    {
      label: vscode.l10n.t('Queue size'),
      description:
        answers.queueSizeBytes === undefined ? vscode.l10n.t('server default') : queueSizeText(answers.queueSizeBytes),
      change: () =>
        text(
          {
            value: answers.queueSizeBytes === undefined ? '' : queueSizeText(answers.queueSizeBytes),
            placeholder: vscode.l10n.t('Server default'),
            prompt: vscode.l10n.t('Size of the result queue, for example 256kB. Leave empty for the server default.'),
            check: sizeProblem,
          },
          (value) => (answers.queueSizeBytes = parseBytes(value)),
        ),
    },
    {
      label: vscode.l10n.t('Server parameters'),
      description: settingsText(otherSettings(answers.settings)) || vscode.l10n.t('none'),
      change: () =>
        text(
          {
            value: settingsText(otherSettings(answers.settings)),
            placeholder: 'work_mem = 256MB; search_path = app, public',
            prompt: vscode.l10n.t(
              'Server parameters for this worker, separated by semicolons, for example work_mem = 256MB; search_path = app, public',
            ),
            check: settingsProblem,
          },
          (value) => {
            const lock = answers.settings?.['lock_timeout'];
            answers.settings = withSetting(parseSettings(value), 'lock_timeout', lock ?? '');
          },
        ),
    },
    {
      label: vscode.l10n.t('Read-only'),
      description: answers.readOnly === true ? vscode.l10n.t('yes') : vscode.l10n.t('no'),
      change: () => void (answers.readOnly = answers.readOnly === true ? undefined : true),
    },
    // Several jobs would each need a table of their own.
    ...(start.jobs === 1
      ? [
          {
            label: vscode.l10n.t('Store rows in a table'),
            description: answers.into ?? vscode.l10n.t('no'),
            change: () =>
              text(
                {
                  value: answers.into ?? '',
                  placeholder: vscode.l10n.t('Do not store them'),
                  prompt: vscode.l10n.t(
                    'Table for the rows of the last statement, for example reports.daily. If it exists, the launch is refused, unless append or replace follows the name. Leave empty to read the rows instead.',
                  ),
                  check: intoProblem,
                },
                (value) => (answers.into = value === '' ? undefined : value),
              ),
          },
        ]
      : []),
    {
      label: vscode.l10n.t('Durable job'),
      description:
        answers.durable === undefined
          ? vscode.l10n.t('as in the connection')
          : answers.durable
            ? vscode.l10n.t('yes: the server looks after it')
            : vscode.l10n.t('no'),
      change: () => void (answers.durable = answers.durable === undefined ? true : answers.durable ? false : undefined),
    },
    {
      label: vscode.l10n.t('Notify when done'),
      description: answers.notify === true ? vscode.l10n.t('yes') : vscode.l10n.t('as in the settings'),
      change: () => void (answers.notify = answers.notify === true ? undefined : true),
    },
    ...(start.canSave
      ? [
          {
            label: vscode.l10n.t('Save as defaults for this file'),
            description: saveAsDefaults ? vscode.l10n.t('yes, except the label and the table') : vscode.l10n.t('no'),
            change: () => void (saveAsDefaults = !saveAsDefaults),
          },
        ]
      : []),
  ];
  for (;;) {
    const items = rows();
    const picked = await askOne(
      { title: start.title, step: 1, totalSteps: 1 },
      {
        placeholder: vscode.l10n.t('Press Enter to run, or choose an option to change'),
        items,
      },
    );
    if (picked === undefined || picked === BACK) return undefined;
    if (!picked.change) return { options: withoutUndefined(answers), saveAsDefaults };
    await picked.change();
  }
}

function limitText(value: string): string {
  return parseDuration(value) === 0 ? vscode.l10n.t('no limit') : value;
}

function attemptsProblem(text: string): string | undefined {
  if (text.trim() === '' || /^(?:[1-9]\d?|100)$/.test(text.trim())) return undefined;
  return vscode.l10n.t('Enter a number of attempts from 1 to 100.');
}

function sizeProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  const bytes = parseBytes(text);
  if (bytes === undefined) return vscode.l10n.t('Enter a size such as 64kB or 1MB.');
  return bytes < MIN_QUEUE_SIZE_BYTES || bytes > MAX_QUEUE_SIZE_BYTES
    ? vscode.l10n.t('The queue size must be between 64B and 256MB.')
    : undefined;
}

type Settings = Readonly<Record<string, string>>;

function withSetting(settings: Settings | undefined, name: string, value: string): Settings | undefined {
  const others = Object.entries(settings ?? {}).filter(([other]) => other !== name);
  const all = value === '' ? others : [...others, [name, value]];
  return all.length === 0 ? undefined : (Object.fromEntries(all) as Settings);
}

/** The settings that have no row of their own. */
function otherSettings(settings: Settings = {}): Settings {
  return withSetting(settings, 'lock_timeout', '') ?? {};
}

function settingsText(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value.includes(';') ? `'${value.replaceAll("'", "''")}'` : value}`)
    .join('; ');
}

/** Settings separated by semicolons. Values in quotes may contain semicolons. */
function settingParts(text: string): readonly string[] {
  return (text.match(/(?:'(?:[^']|'')*'|[^;'])+/g) ?? []).map((part) => part.trim()).filter((part) => part !== '');
}

function parseSettings(text: string): Settings {
  return Object.assign({}, ...settingParts(text).map((part) => parseSetting(part) ?? {})) as Settings;
}

function settingsProblem(text: string): string | undefined {
  const wrong = settingParts(text).find((part) => !parseSetting(part));
  return wrong === undefined
    ? undefined
    : vscode.l10n.t('“{0}” is not a parameter and its value, such as work_mem = 256MB.', wrong);
}

function intoProblem(text: string): string | undefined {
  return text.trim() === '' || parseInto(text)
    ? undefined
    : vscode.l10n.t('Enter a table such as reports.daily, perhaps followed by append or replace.');
}

function labelProblem(text: string): string | undefined {
  return utf8Length(text.trim()) > MAX_LABEL_BYTES
    ? vscode.l10n.t('A label can have at most {0} bytes.', MAX_LABEL_BYTES)
    : undefined;
}

/** A size as a setting accepts it: `64kB`. Units are powers of 1,024. */
function queueSizeText(bytes: number): string {
  if (bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}MB`;
  return bytes % 1024 === 0 ? `${bytes / 1024}kB` : `${bytes}B`;
}

function withoutUndefined(options: { [K in keyof RunOptions]: RunOptions[K] | undefined }): RunOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
