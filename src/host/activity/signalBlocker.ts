import * as vscode from 'vscode';
import { systemClock } from '../../core/base/clock';
import { faultOf } from '../../core/base/fault';
import { ActivityWatch } from '../../core/jobs/activity/activityWatch';
import { whyNotSignaled } from '../../core/jobs/activity/blockingChain';
import type { BlockingProcess, SignaledBlocker } from '../../core/jobs/activity/inspection';
import type { ServerFaults } from '../../core/postgres/faults';
import type { BlockerSignal } from '../../shared/activityProtocol';
import * as ui from '../base/ui';
import { errorText } from '../messages/faultText';
import type { ActivityTarget } from './activityTarget';
import { secondsText } from './activityTexts';
import { blockerTitle } from './chainItems';

/** How long to wait until the process has released what the worker waits for. Milliseconds. */
const GRACE_MS = 5_000;

/** Asks for a confirmation, cancels or terminates exactly that process, and reports the result. */
export async function confirmAndSignal(
  target: ActivityTarget,
  process: BlockingProcess,
  signal: BlockerSignal,
): Promise<void> {
  const { backendStart, backendType, pid } = process;
  if (backendStart === undefined || whyNotSignaled(process) !== undefined) return;
  const title = blockerTitle(process);
  const cancels = signal === 'cancel';
  const action = cancels ? vscode.l10n.t('Cancel Statement') : vscode.l10n.t('Terminate Session');
  const question = cancels
    ? vscode.l10n.t('Cancel the statement of {0}?', title)
    : vscode.l10n.t('Terminate the session {0}?', title);
  const choice = await ui.showWarningMessage(
    question,
    { modal: true, detail: lossText(process, signal), closeTitle: vscode.l10n.t('Keep Running') },
    action,
  );
  if (choice !== action) return;
  const blocker: SignaledBlocker = {
    pid,
    backendStart,
    backendType: backendType === 'pg_background' ? 'pg_background' : 'client backend',
  };
  try {
    // The answer may have taken long, and the session may do something else by now.
    const now = await target.link.inspect?.(target);
    if (now?.chain.some((one) => isSame(one, process)) !== true) {
      void ui.showInformationMessage(vscode.l10n.t('{0} no longer blocks the worker, so no signal was sent.', title));
      return;
    }
    const sent = await target.link.signalBlocker?.(signal, blocker, target.server);
    if (sent !== true) {
      void ui.showInformationMessage(vscode.l10n.t('{0} had already ended, so no signal was sent.', title));
      return;
    }
  } catch (error) {
    void ui.showErrorMessage(failureText(error, title));
    return;
  }
  if (await releases(target, process)) {
    void ui.showInformationMessage(
      cancels
        ? vscode.l10n.t('The statement of {0} was canceled. It no longer blocks the worker.', title)
        : vscode.l10n.t('{0} was terminated. It no longer blocks the worker.', title),
    );
  } else {
    void ui.showWarningMessage(
      cancels
        ? vscode.l10n.t(
            '{0} still blocks the worker {1} s after its statement was canceled: its transaction keeps its locks until it ends.',
            title,
            GRACE_MS / 1000,
          )
        : vscode.l10n.t('{0} still blocks the worker {1} s after it was terminated.', title, GRACE_MS / 1000),
    );
  }
}

function isSame(a: BlockingProcess, b: BlockingProcess): boolean {
  return a.pid === b.pid && a.backendStart === b.backendStart;
}

/** What will be lost. */
function lossText({ transactionSeconds, query = '', state = '' }: BlockingProcess, signal: BlockerSignal): string {
  const open = secondsText(transactionSeconds);
  const loss =
    signal === 'cancel'
      ? vscode.l10n.t('Its running statement fails, and its transaction is usually rolled back.')
      : open === ''
        ? vscode.l10n.t('Its connection is closed, and its transaction is rolled back.')
        : vscode.l10n.t('Its connection is closed, and its transaction, open for {0}, is rolled back.', open);
  if (query === '') return loss;
  const statement = state.startsWith('idle')
    ? vscode.l10n.t('Last statement: {0}', query)
    : vscode.l10n.t('Statement: {0}', query);
  return `${loss}\n\n${statement}`;
}

function failureText(error: unknown, title: string): string {
  const fault = faultOf(error);
  if (fault.code !== 'server.signalDenied') {
    return vscode.l10n.t('No signal could be sent to {0}: {1}', title, errorText(error));
  }
  const { message } = fault.params as ServerFaults['server.signalDenied'];
  return vscode.l10n.t(
    'Your role may not signal {0} ({1}). Ask for membership in its role, or for GRANT pg_signal_backend. Only superusers may signal superusers.',
    title,
    message,
  );
}

/** Resolves with true when the worker no longer waits for the process, and with false after the grace window. */
function releases(target: ActivityTarget, process: BlockingProcess): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (released: boolean): void => {
      watch.dispose();
      timer.dispose();
      resolve(released);
    };
    const timer = systemClock.after(GRACE_MS, () => end(false));
    // A watch of its own: the user may have closed the view.
    const watch = new ActivityWatch(target.link, target, ({ inspection, error }) => {
      const { chain } = inspection ?? { chain: [] };
      const blocks = chain.some((one) => isSame(one, process));
      if (error === undefined && !blocks) end(true);
    });
    // The newest snapshot is older than the signal.
    target.link.refresh().catch(() => undefined);
  });
}
