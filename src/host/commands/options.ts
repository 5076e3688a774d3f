import * as vscode from 'vscode';
import { MAX_LABEL_BYTES, MAX_QUEUE_SIZE_BYTES, MIN_QUEUE_SIZE_BYTES, utf8Length } from '../../core/sql/label';
import { parseBytes, parseDuration } from '../../core/sql/units';
import type { RunOptions } from './request';
import { askMany, askOne, askText, BACK, runSteps, type Step, type StepPlace } from './steps';

/** What the flow begins with. */
export interface OptionsStart {
  readonly title: string;
  /** More than one: the same options for all of them, each with a label of its own unless one is given. */
  readonly jobs: number;
  /** What is set already, by comments or as the file's defaults. */
  readonly options: RunOptions;
  readonly connections: readonly vscode.QuickPickItem[];
  /** There is a file that can keep the answers as its defaults. */
  readonly canSave: boolean;
}

export interface OptionsAnswer {
  readonly options: RunOptions;
  readonly saveAsDefaults: boolean;
}

/** Asks for everything that a launch can be given, in one flow with what is set already. Undefined where the user gave up. */
export async function askOptions(start: OptionsStart): Promise<OptionsAnswer | undefined> {
  const answers: { -readonly [K in keyof RunOptions]: RunOptions[K] | undefined } = { ...start.options };
  let saveAsDefaults = false;
  const steps: Step[] = [
    async (place) => {
      const text = await askText(place, {
        value: answers.label ?? '',
        placeholder: vscode.l10n.t('Made from the SQL'),
        prompt:
          start.jobs === 1
            ? vscode.l10n.t('Label, shown in the view and to everyone in pg_stat_activity. Empty: made from the SQL.')
            : vscode.l10n.t('Label of each of the {0} jobs. Empty: made from the SQL of each.', start.jobs),
        check: labelProblem,
      });
      if (typeof text === 'string') answers.label = text.trim() === '' ? undefined : text.trim();
      return settled(text);
    },
    async (place) => {
      const active = start.connections.find(({ label }) => label === answers.connection);
      const picked = await askOne(place, {
        placeholder: vscode.l10n.t('Connection to run on'),
        items: start.connections,
        ...(active ? { active } : {}),
      });
      if (picked !== BACK && picked) answers.connection = picked.label;
      return settled(picked);
    },
    async (place) => {
      const text = await askDuration(place, answers.statementTimeoutMs, 'statement_timeout');
      if (typeof text === 'string') answers.statementTimeoutMs = parseDuration(text);
      return settled(text);
    },
    async (place) => {
      const text = await askDuration(place, answers.workerTimeoutMs, 'pg_background.worker_timeout');
      if (typeof text === 'string') answers.workerTimeoutMs = parseDuration(text);
      return settled(text);
    },
    async (place) => {
      const text = await askText(place, {
        value: answers.queueSizeBytes === undefined ? '' : sizeText(answers.queueSizeBytes),
        placeholder: vscode.l10n.t('The server’s default'),
        prompt: vscode.l10n.t('Size of the result queue, for example 256kB. Empty: 1MB.'),
        check: sizeProblem,
      });
      if (typeof text === 'string') answers.queueSizeBytes = parseBytes(text);
      return settled(text);
    },
    async (place) => {
      const notify = { label: vscode.l10n.t('Notify when done'), picked: answers.notify === true };
      const save = { label: vscode.l10n.t('Save as this file’s defaults (all but the label)'), picked: saveAsDefaults };
      const items = start.canSave ? [notify, save] : [notify];
      const picked = await askMany(place, {
        placeholder: vscode.l10n.t('Check what you want, then press Enter to run'),
        items,
        selected: items.filter((item) => item.picked),
      });
      if (picked !== BACK && picked) {
        answers.notify = picked.includes(notify) ? true : undefined;
        saveAsDefaults = picked.includes(save);
      }
      return settled(picked);
    },
  ];
  if (!(await runSteps(start.title, steps))) return undefined;
  return { options: withoutUndefined(answers), saveAsDefaults };
}

function settled(answer: unknown): typeof BACK | 'done' | undefined {
  if (answer === BACK) return BACK;
  return answer === undefined ? undefined : 'done';
}

function askDuration(place: StepPlace, ms: number | undefined, name: string): ReturnType<typeof askText> {
  return askText(place, {
    value: ms === undefined ? '' : durationText(ms),
    placeholder: vscode.l10n.t('The server’s own setting'),
    prompt: vscode.l10n.t(
      '{0} of the worker, for example 30s or 5min. Empty: the server’s own setting. 0: no limit.',
      name,
    ),
    check: durationProblem,
  });
}

/** What is wrong with a duration that somebody types; empty is fine. */
export function durationProblem(text: string): string | undefined {
  return text.trim() === '' || parseDuration(text) !== undefined
    ? undefined
    : vscode.l10n.t('Write a duration such as 500ms, 30s, 5min or 2h.');
}

function sizeProblem(text: string): string | undefined {
  if (text.trim() === '') return undefined;
  const bytes = parseBytes(text);
  if (bytes === undefined) return vscode.l10n.t('Write a size such as 64kB or 1MB.');
  return bytes < MIN_QUEUE_SIZE_BYTES || bytes > MAX_QUEUE_SIZE_BYTES
    ? vscode.l10n.t('A queue has between 64B and 256MB.')
    : undefined;
}

function labelProblem(text: string): string | undefined {
  return utf8Length(text.trim()) > MAX_LABEL_BYTES
    ? vscode.l10n.t('A label can have {0} bytes at most.', MAX_LABEL_BYTES)
    : undefined;
}

/** A duration in the largest unit that says it exactly. */
export function durationText(ms: number): string {
  const units = [
    ['h', 3_600_000],
    ['min', 60_000],
    ['s', 1000],
  ] as const;
  if (ms === 0) return '0';
  const [unit, factor] = units.find(([, size]) => ms % size === 0) ?? ['ms', 1];
  return `${ms / factor}${unit}`;
}

function sizeText(bytes: number): string {
  if (bytes % 1024 ** 2 === 0) return `${bytes / 1024 ** 2}MB`;
  return bytes % 1024 === 0 ? `${bytes / 1024}kB` : `${bytes}B`;
}

function withoutUndefined(options: { [K in keyof RunOptions]: RunOptions[K] | undefined }): RunOptions {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}
