import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import { readSetting } from '../base/settings';
import * as ui from '../base/ui';

/** A statement that changes every row of a table. */
export interface FoundWrite {
  /** One sentence. */
  readonly text: string;
  /** Its beginning, in one line. */
  readonly statement: string;
}

/** Questions before a launch that may hurt. Only people are asked them, never code. */
export class LaunchGuard {
  /** Connections of production that are not asked about again until VS Code is reloaded. */
  readonly #trusted = new Set<string>();

  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /**
   * Asks where SQL changes every row of a table, and where a connection is one of production.
   *
   * @param writes What was found.
   * @param targets The connections that are launched on.
   * @returns false where the user does not want the launch
   */
  async allows(writes: readonly FoundWrite[], targets: readonly string[]): Promise<boolean> {
    return (await this.#allowsWrites(writes)) && (await this.#allowsTargets([...new Set(targets)]));
  }

  async #allowsWrites(writes: readonly FoundWrite[]): Promise<boolean> {
    const [first] = writes;
    if (first === undefined || !readSetting('confirmUnboundedWrites')) return true;
    const run = vscode.l10n.t('Run Anyway');
    const advice =
      writes.length === 1
        ? vscode.l10n.t('Add a WHERE, or run it as it is.')
        : writes.length === 2
          ? vscode.l10n.t('1 more statement is like this one.')
          : vscode.l10n.t('{0} more statements are like this one.', writes.length - 1);
    // Which statement it is: of several, and of one that a slip of the cursor chose.
    const detail = `${first.statement}\n\n${advice}`;
    const choice = await ui.showWarningMessage(first.text, { modal: true, detail }, run);
    return choice === run;
  }

  async #allowsTargets(targets: readonly string[]): Promise<boolean> {
    for (const name of targets) {
      if (this.#connections.find(name)?.production !== true || this.#trusted.has(name)) continue;
      const run = vscode.l10n.t('Run');
      const always = vscode.l10n.t('Don’t Ask Again for This Connection in This Session');
      const choice = await ui.showWarningMessage(
        vscode.l10n.t('Run on the production connection “{0}”?', name),
        { modal: true },
        run,
        always,
      );
      if (choice === always) this.#trusted.add(name);
      else if (choice !== run) return false;
    }
    return true;
  }
}
