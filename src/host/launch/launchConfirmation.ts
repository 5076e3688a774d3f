import * as vscode from 'vscode';
import type { RunRequest } from '../../api';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import { checkBeforeLaunch, type PrelaunchFinding } from '../../core/sql/classify/prelaunch';
import { strongLock } from '../../core/sql/classify/strongLock';
import { excerptOf } from '../../core/sql/labels';
import { splitStatements } from '../../core/sql/split/statements';
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

/** A launch that may need confirmation. */
export interface LaunchQuestion {
  readonly connection: string;
  /** The first command that takes a strong lock without a limit; see {@link unlimitedLock}. */
  readonly strongLock: string | undefined;
}

/** What the user chose. */
export interface Confirmation {
  /** Set `lock_timeout` to this on launches that take a strong lock on a production connection. */
  readonly lockTimeout?: string;
}

/** The value that is offered. */
const LOCK_TIMEOUT = '5s';

/** The first command of a text that takes a strong lock, if nothing limits how long it waits for the lock. */
export function unlimitedLock(
  { sql, settings }: Pick<RunRequest, 'sql' | 'settings'>,
  profile: ConnectionProfile | undefined,
): string | undefined {
  const limits = [settings, profile?.workerSettings].flatMap((given) => Object.keys(given ?? {}));
  if (limits.some((name) => name.toLowerCase() === 'lock_timeout')) return undefined;
  // A limit in the text or in the options of the connection is the user's own decision.
  if (/lock_timeout/i.test(sql) || /lock_timeout/i.test(profile?.options ?? '')) return undefined;
  return splitStatements(sql)
    .statements.map((statement) => strongLock(sql, statement))
    .find((command) => command !== undefined);
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

  /** What to ask about a launch. */
  questionOf(request: Pick<RunRequest, 'sql' | 'settings'> & { readonly connection: string }): LaunchQuestion {
    const profile = this.#connections.find(request.connection);
    const strongLock = profile?.production === true ? unlimitedLock(request, profile) : undefined;
    return { connection: request.connection, strongLock };
  }

  /**
   * Asks about statements that change every row of a table, and about production connections.
   *
   * @returns undefined if nothing should be launched
   */
  async confirm(
    writes: readonly UnboundedWrite[],
    launches: readonly LaunchQuestion[],
  ): Promise<Confirmation | undefined> {
    if (!(await this.#confirmWrites(writes))) return undefined;
    let lockTimeout: string | undefined;
    for (const name of new Set(launches.map(({ connection }) => connection))) {
      const lock = launches.find(({ connection, strongLock: command }) => connection === name && command)?.strongLock;
      const answer = await this.#confirmConnection(name, lock);
      if (!answer) return undefined;
      lockTimeout ??= answer.lockTimeout;
    }
    return lockTimeout === undefined ? {} : { lockTimeout };
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

  /** @param lock the command that takes a strong lock without a limit: it is asked about even if the connection is trusted */
  async #confirmConnection(name: string, lock: string | undefined): Promise<Confirmation | undefined> {
    if (this.#connections.find(name)?.production !== true) return {};
    if (lock === undefined && this.#trusted.has(name)) return {};
    const run = vscode.l10n.t('Run');
    const limited = vscode.l10n.t('Run with lock_timeout {0}', LOCK_TIMEOUT);
    const always = vscode.l10n.t('Don’t Ask Again for This Connection in This Session');
    const detail =
      lock === undefined
        ? undefined
        : vscode.l10n.t(
            '{0} takes a lock that blocks other queries, also while it waits for the lock. With lock_timeout, it fails instead if it waits longer than {1}.',
            lock,
            LOCK_TIMEOUT,
          );
    const choice = await ui.showWarningMessage(
      vscode.l10n.t('Run on the production connection “{0}”?', name),
      detail === undefined ? { modal: true } : { modal: true, detail },
      ...(lock === undefined ? [run, always] : [limited, run]),
    );
    if (choice === always) this.#trusted.add(name);
    if (choice === limited) return { lockTimeout: LOCK_TIMEOUT };
    return choice === run || choice === always ? {} : undefined;
  }
}

/** The request with the limit that the user chose, if it takes a strong lock. */
export function limitLocks<T extends Pick<RunRequest, 'sql' | 'settings'>>(
  request: T,
  { strongLock: command }: LaunchQuestion,
  { lockTimeout }: Confirmation,
): T {
  if (command === undefined || lockTimeout === undefined) return request;
  return { ...request, settings: { ...request.settings, lock_timeout: lockTimeout } };
}

export function unboundedWrites(sql: string): readonly UnboundedWrite[] {
  return checkBeforeLaunch(sql)
    .filter(({ severity }) => severity === 'confirm')
    .map((finding) => unboundedWrite(finding, sql));
}
