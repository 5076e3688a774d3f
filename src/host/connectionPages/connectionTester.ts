import * as vscode from 'vscode';
import type { CheckAction, CheckResult } from '../../core/postgres/connect/check/checkResult';
import { runFix, testConnection } from '../../core/postgres/connect/check/testConnection';
import type { OpenOptions } from '../../core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../core/postgres/connect/conninfo/profile';
import type { ExaminationView, FixWay } from '../../shared/connectionProtocol';
import * as ui from '../base/ui';
import { checkDetail, checkTitle, fixTitle } from '../messages/checkMessages';
import { errorText } from '../messages/faultText';

/** A connection as it is to be examined, with the ways to its password. */
export interface Subject {
  readonly profile: ConnectionProfile;
  readonly options: OpenOptions;
}

export interface ExaminerHost {
  changed(examination: ExaminationView): void;
  said(message: string, severity: 'info' | 'error'): void;
  /** What the host can do about a finding by itself; `retry` is done here. */
  act(action: Exclude<CheckAction, 'retry'>, finding: CheckResult): void | Promise<void>;
  /** It has ended, and was not canceled. */
  ended(findings: readonly CheckResult[], subject: Subject): void | Promise<void>;
}

/** Examines one connection at a time, and carries out what its findings offer. */
export class Examiner implements vscode.Disposable {
  #subject: Subject | undefined;
  #findings: readonly CheckResult[] = [];
  #running: AbortController | undefined;
  #view: ExaminationView | undefined;
  #number = 0;

  readonly #host: ExaminerHost;

  constructor(host: ExaminerHost) {
    this.#host = host;
  }

  /** As it stands; undefined before the first. */
  get view(): ExaminationView | undefined {
    return this.#view;
  }

  /** Examines; one that still runs is given up. */
  async start(subject: Subject): Promise<void> {
    this.#running?.abort();
    if (!vscode.workspace.isTrusted) {
      this.#host.said(
        vscode.l10n.t('This workspace is not trusted, so nothing connects and nothing runs. Trust it first.'),
        'error',
      );
      return;
    }
    const running = (this.#running = new AbortController());
    this.#subject = subject;
    this.#findings = [];
    this.#number++;
    this.#show(true, '');
    const findings = await testConnection(subject.profile, { ...subject.options, signal: running.signal });
    if (this.#running !== running) return;
    this.#running = undefined;
    this.#findings = findings;
    this.#show(false, running.signal.aborted ? vscode.l10n.t('Canceled.') : summaryOf(subject.profile, findings));
    if (!running.signal.aborted) await this.#host.ended(findings, subject);
  }

  async again(): Promise<void> {
    if (this.#subject) await this.start(this.#subject);
  }

  cancel(): void {
    this.#running?.abort();
  }

  dispose(): void {
    this.#running?.abort();
    this.#running = undefined;
  }

  /** Does what a fix of the shown examination offers. */
  async fix(examination: number, finding: number, fix: number, way: FixWay): Promise<void> {
    const found = examination === this.#number ? this.#findings[finding] : undefined;
    const chosen = found?.fixes[fix];
    if (!found || !chosen) return;
    if (way === 'copy' && chosen.sql !== undefined) {
      await vscode.env.clipboard.writeText(chosen.sql);
      this.#host.said(vscode.l10n.t('Copied.'), 'info');
    } else if (way === 'run' && chosen.sql !== undefined && chosen.mayRun === true) {
      await this.#run(chosen.sql);
    } else if (way === 'do' && chosen.action === 'retry') {
      await this.again();
    } else if (way === 'do' && chosen.action !== undefined && chosen.action !== 'retry') {
      await this.#host.act(chosen.action, found);
    }
  }

  /** Runs exactly what is shown, once the user has said so, and looks again. */
  async #run(sql: string): Promise<void> {
    const subject = this.#subject;
    if (!subject) return;
    const { name, database, production } = subject.profile;
    const run = vscode.l10n.t('Run');
    const choice = await ui.showWarningMessage(
      production === true
        ? vscode.l10n.t('Run this on the production connection “{0}”?', name)
        : vscode.l10n.t('Run this on “{0}”?', name),
      {
        modal: true,
        detail: database === undefined ? sql : vscode.l10n.t('{0}\n\nIn the database {1}.', sql, database),
      },
      run,
    );
    if (choice !== run) return;
    try {
      await runFix(subject.profile, sql, subject.options);
    } catch (error) {
      this.#host.said(vscode.l10n.t('The server did not do it: {0}', errorText(error)), 'error');
      return;
    }
    this.#host.said(vscode.l10n.t('Done: {0}', sql), 'info');
    await this.again();
  }

  #show(running: boolean, summary: string): void {
    this.#view = {
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
          ...(fix.action === undefined ? {} : { does: true }),
        })),
      })),
    };
    this.#host.changed(this.#view);
  }
}

export function isReady(findings: readonly CheckResult[]): boolean {
  return findings.every(({ status }) => status !== 'error');
}

/** One sentence on the outcome. */
export function summaryOf({ name }: Pick<ConnectionProfile, 'name'>, findings: readonly CheckResult[]): string {
  const problems = findings.filter(({ status }) => status === 'error');
  const [first] = problems;
  if (first) {
    return problems.length === 1
      ? vscode.l10n.t('One problem: {0}.', checkTitle(first))
      : vscode.l10n.t('{0} problems; the first: {1}.', problems.length, checkTitle(first));
  }
  const titleOf = (id: string): string => {
    const found = findings.find((finding) => finding.id === id);
    return found ? checkTitle(found) : '';
  };
  return vscode.l10n.t('“{0}” is ready: {1} with {2}.', name, titleOf('server'), titleOf('extension'));
}
