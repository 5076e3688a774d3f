import * as vscode from 'vscode';
import type { CheckAction, CheckResult } from '../../core/postgres/connect/check/checkResult';
import { runFix, testConnection } from '../../core/postgres/connect/check/testConnection';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { FixWay } from '../../shared/connectionFields';
import type { TestReport } from '../../shared/connectionProtocol';
import * as ui from '../base/ui';
import { checkDetail, checkTitle, fixTitle } from '../messages/checkMessages';
import { errorText } from '../messages/faultText';

/** The connection to test, with the sources of its password. */
export interface TestedConnection {
  readonly profile: ConnectionProfile;
  readonly options: OpenOptions;
}

/** An action that the page performs. The tester itself performs the others. */
export type PageAction = Exclude<CheckAction, 'retry'>;

export interface TesterHost {
  changed(report: TestReport): void;
  notify(message: string, severity: 'info' | 'error'): void;
  /** Performs the action of a fix. The tester performs `retry` itself. */
  act(action: PageAction, finding: CheckResult): void | Promise<void>;
  /** The test has finished and was not canceled. */
  finished(findings: readonly CheckResult[], tested: TestedConnection): void | Promise<void>;
}

/** Tests one connection at a time, and performs the fixes of its findings. */
export class ConnectionTester implements vscode.Disposable {
  #tested: TestedConnection | undefined;
  #findings: readonly CheckResult[] = [];
  #running: AbortController | undefined;
  #report: TestReport | undefined;
  #number = 0;

  readonly #host: TesterHost;

  constructor(host: TesterHost) {
    this.#host = host;
  }

  /** The report of the current or last test; undefined before the first. */
  get report(): TestReport | undefined {
    return this.#report;
  }

  /** Starts a test and aborts the running one. */
  async start(tested: TestedConnection): Promise<void> {
    this.#running?.abort();
    if (!vscode.workspace.isTrusted) {
      this.#host.notify(
        vscode.l10n.t('Connections cannot be tested in an untrusted workspace. Trust the workspace first.'),
        'error',
      );
      return;
    }
    const running = (this.#running = new AbortController());
    this.#tested = tested;
    this.#findings = [];
    this.#number++;
    this.#show(true, '');
    const findings = await testConnection(tested.profile, { ...tested.options, signal: running.signal });
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#findings = findings;
    this.#show(false, running.signal.aborted ? vscode.l10n.t('Canceled.') : summaryOf(tested.profile, findings));
    if (!running.signal.aborted) await this.#host.finished(findings, tested);
  }

  async again(): Promise<void> {
    if (this.#tested) await this.start(this.#tested);
  }

  cancel(): void {
    this.#running?.abort();
  }

  dispose(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  /** Performs a fix of the report with the given number. Ignored if that is not the current report. */
  async fix(report: number, finding: number, fix: number, way: FixWay): Promise<void> {
    const found = report === this.#number ? this.#findings[finding] : undefined;
    const chosen = found?.fixes[fix];
    if (!found || !chosen) return;
    if (way === 'copy' && chosen.sql !== undefined) {
      await vscode.env.clipboard.writeText(chosen.sql);
      this.#host.notify(vscode.l10n.t('Copied.'), 'info');
    } else if (way === 'run' && chosen.sql !== undefined && chosen.mayRun === true) {
      await this.#run(chosen.sql);
    } else if (way === 'act' && chosen.action === 'retry') {
      await this.again();
    } else if (way === 'act' && chosen.action !== undefined && chosen.action !== 'retry') {
      await this.#host.act(chosen.action, found);
    }
  }

  /** Runs exactly the SQL that is shown, after a confirmation, and tests again. */
  async #run(sql: string): Promise<void> {
    const tested = this.#tested;
    if (!tested) return;
    const { name, database, production } = tested.profile;
    const run = vscode.l10n.t('Run');
    const choice = await ui.showWarningMessage(
      production === true
        ? vscode.l10n.t('Run this on the production connection “{0}”?', name)
        : vscode.l10n.t('Run this on “{0}”?', name),
      {
        modal: true,
        detail: database === undefined ? sql : vscode.l10n.t('{0}\n\nDatabase: {1}', sql, database),
      },
      run,
    );
    if (choice !== run) return;
    try {
      await runFix(tested.profile, sql, tested.options);
    } catch (error) {
      this.#host.notify(vscode.l10n.t('The SQL failed: {0}', errorText(error)), 'error');
      return;
    }
    this.#host.notify(vscode.l10n.t('Done: {0}', sql), 'info');
    await this.again();
  }

  #show(running: boolean, summary: string): void {
    this.#report = {
      number: this.#number,
      running,
      summary,
      findings: this.#findings.map((finding) => ({
        status: finding.status,
        title: checkTitle(finding),
        detail: checkDetail(finding),
        fixes: finding.fixes.map((fix) => ({
          title: fixTitle(fix),
          ...(fix.sql === undefined ? {} : { sql: fix.sql }),
          ...(fix.mayRun === true ? { mayRun: true } : {}),
          ...(fix.action === undefined ? {} : { acts: true }),
        })),
      })),
    };
    this.#host.changed(this.#report);
  }
}

export function isReady(findings: readonly CheckResult[]): boolean {
  return findings.every(({ status }) => status !== 'error');
}

/** Summarizes the outcome in one sentence. */
export function summaryOf({ name }: Pick<ConnectionProfile, 'name'>, findings: readonly CheckResult[]): string {
  const problems = findings.filter(({ status }) => status === 'error');
  const [first] = problems;
  if (first) {
    return problems.length === 1
      ? vscode.l10n.t('One problem: {0}.', checkTitle(first))
      : vscode.l10n.t('{0} problems. The first one: {1}.', problems.length, checkTitle(first));
  }
  const titleOf = (id: string): string => {
    const found = findings.find((finding) => finding.id === id);
    return found ? checkTitle(found) : '';
  };
  return vscode.l10n.t('“{0}” is ready: {1} with {2}.', name, titleOf('server'), titleOf('extension'));
}
