import * as vscode from 'vscode';
import type { PrelaunchFinding } from '../../core/sql/classify/prelaunch';
import { excerptOf } from '../../core/sql/labels';
import { readSetting } from '../base/settings';
import * as ui from '../base/ui';
import type { Connections } from '../connections/connections';
import { sqlText } from '../messages/sqlMessages';

/** A statement that changes every row of a table. */
export interface UnboundedWrite {
  /** The sentence to show. */
  readonly text: string;
  /** The start of the statement, on one line. */
  readonly statement: string;
}

/** @param sql the text that the finding is about */
export function unboundedWrite(finding: PrelaunchFinding, sql: string): UnboundedWrite {
  const { start, end } = finding.span;
  return { text: sqlText(finding), statement: excerptOf(sql.slice(start, end)) };
}

/** Asks the user to confirm dangerous launches. Launches from code are not confirmed. */
export class LaunchConfirmation {
  /** Production connections that are not confirmed again until VS Code reloads. */
  readonly #trusted = new Set<string>();

  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /**
   * Asks about statements that change every row of a table, and about production connections.
   *
   * @param connections the names of the connections to launch on
   * @returns whether to launch
   */
  async confirm(writes: readonly UnboundedWrite[], connections: readonly string[]): Promise<boolean> {
    return (await this.#confirmWrites(writes)) && (await this.#confirmConnections([...new Set(connections)]));
  }

  async #confirmWrites(writes: readonly UnboundedWrite[]): Promise<boolean> {
    const [first] = writes;
    if (first === undefined || !readSetting('confirmUnboundedWrites')) return true;
    const run = vscode.l10n.t('Run Anyway');
    const advice =
      writes.length === 1
        ? vscode.l10n.t('Add a WHERE clause, or run it as is.')
        : writes.length === 2
          ? vscode.l10n.t('There is 1 more statement without a WHERE.')
          : vscode.l10n.t('There are {0} more statements without a WHERE.', writes.length - 1);
    // Shows the statement, because there may be several, or the cursor may be in the wrong one.
    const detail = `${first.statement}\n\n${advice}`;
    const choice = await ui.showWarningMessage(first.text, { modal: true, detail }, run);
    return choice === run;
  }

  async #confirmConnections(names: readonly string[]): Promise<boolean> {
    for (const name of names) {
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
