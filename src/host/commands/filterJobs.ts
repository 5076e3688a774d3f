import * as vscode from 'vscode';
import { completeFilter, type FilterCompletion } from '../../core/jobs/history/filterCompletions';
import { FILTER_STATES, type FilterKey } from '../../core/jobs/history/jobFilter';
import type { JobService } from '../../core/jobs/jobService';
import * as ui from '../base/ui';
import { faultText } from '../messages/faultText';
import type { ActiveFilter } from '../tree/activeFilter';
import { matchText } from '../tree/matchText';

/** How long to wait for more keys before the tree is filtered. Milliseconds. */
const TYPING_MS = 80;

interface FilterItem extends vscode.QuickPickItem {
  /** The filter that the item enters; undefined for the item that applies what was typed. */
  readonly filter?: string;
  /** Whether choosing the item also applies the filter. */
  readonly applies?: boolean;
}

/** Lets the user enter a filter, and filters the tree while the user types. Escape restores the former filter. */
export function filterJobs(filter: ActiveFilter, jobs: JobService, connections: readonly string[]): Promise<void> {
  const former = filter.text;
  const names = [...new Set([...connections, ...jobs.jobs.map(({ record }) => record.connection)])];
  const list = ui.createQuickPick<FilterItem>(
    [],
    vscode.l10n.t('Words to find, or terms such as is:failed connection:name after:yesterday'),
  );
  const { pick } = list;
  pick.title = vscode.l10n.t('Filter Jobs');
  pick.value = former === '' ? '' : `${former} `;
  let typing: NodeJS.Timeout | undefined;
  const preview = (): void => {
    clearTimeout(typing);
    filter.preview(pick.value.trim());
    const items = itemsFor(pick.value, filter, jobs, names);
    list.setItems(items);
    // Enter applies what was typed; the arrow keys choose something else.
    pick.activeItems = list.shown(items.slice(0, 1));
  };
  preview();
  return new Promise((resolve) => {
    let applied = false;
    const apply = async (): Promise<void> => {
      applied = true;
      clearTimeout(typing);
      const text = pick.value;
      pick.hide();
      await filter.set(text);
    };
    pick.onDidChangeValue(() => {
      clearTimeout(typing);
      typing = setTimeout(preview, TYPING_MS);
    });
    pick.onDidAccept(() => {
      const [item] = list.items(pick.selectedItems);
      if (item?.filter !== undefined) pick.value = item.filter;
      if (item?.filter === undefined || item.applies === true) void apply();
      else preview();
    });
    pick.onDidHide(() => {
      clearTimeout(typing);
      if (!applied) filter.preview(former);
      pick.dispose();
      resolve();
    });
    pick.show();
  });
}

/** The items of the list: what Enter does, problems, completions of the last term, and recent filters. */
function itemsFor(text: string, filter: ActiveFilter, jobs: JobService, names: readonly string[]): FilterItem[] {
  // VS Code would hide the items that do not contain what was typed.
  const alwaysShow = true;
  const typed = text.trim();
  const effect = filter.filter.empty ? vscode.l10n.t('Show all jobs') : matchText(filter, jobs.jobs);
  const apply = {
    // VS Code lists items that contain what was typed before others, and of these the shortest first.
    ...(typed === '' ? { label: effect } : { label: typed, description: effect }),
    iconPath: new vscode.ThemeIcon('filter'),
    alwaysShow,
  };
  const problems = filter.filter.faults.map((fault) => ({
    label: faultText(fault),
    iconPath: new vscode.ThemeIcon('warning'),
    alwaysShow,
  }));
  const completions = completeFilter(text, names).map((completion) => ({
    label: completion.term,
    description: describe(completion),
    filter: completion.filter,
    alwaysShow,
  }));
  const recent = filter.recent
    .filter((used) => used !== typed && used.toLowerCase().includes(typed.toLowerCase()))
    .map((used) => ({
      label: used,
      iconPath: new vscode.ThemeIcon('history'),
      filter: used,
      applies: true,
      alwaysShow,
    }));
  return [
    apply,
    ...problems,
    ...withSeparator(vscode.l10n.t('Recent filters'), recent),
    ...withSeparator(vscode.l10n.t('Terms'), completions),
  ];
}

function withSeparator(label: string, items: readonly FilterItem[]): FilterItem[] {
  return items.length === 0 ? [] : [{ label, kind: vscode.QuickPickItemKind.Separator }, ...items];
}

function describe({ key, complete }: FilterCompletion): string {
  return complete ? '' : keyText(key);
}

function keyText(key: FilterKey): string {
  switch (key) {
    case 'is':
      return vscode.l10n.t('State: {0}', [...Object.keys(FILTER_STATES), 'pinned'].join(', '));
    case 'connection':
      return vscode.l10n.t('Part of the connection’s name');
    case 'label':
      return vscode.l10n.t('Part of the label');
    case 'sql':
      return vscode.l10n.t('Part of the SQL');
    case 'pid':
      return vscode.l10n.t('Process id of the worker');
    case 'after':
      return vscode.l10n.t('Ended on this day or later: 2026-11-26, today, yesterday');
    case 'before':
      return vscode.l10n.t('Ended before this day: 2026-11-26, today, yesterday');
    case 'on':
      return vscode.l10n.t('Ended on this day: 2026-11-26, today, yesterday');
  }
}
