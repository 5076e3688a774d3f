import { l10n } from 'vscode';
import { labeledValues, type LabeledValue } from '../base/labeledValues';
import { chainSteps, whyNotSignaled, type NotSignaled } from '../../core/jobs/activity/blockingChain';
import type { BlockingProcess, WorkerInspection } from '../../core/jobs/activity/inspection';
import type { ActivityFact, BlockerSignal, ChainItem } from '../../shared/activityProtocol';
import { join } from '../jobs/jobText';
import { lockText, missingText, secondsText } from './activityTexts';

/** The processes that a worker waits for, from the worker to the root. */
export function chainItems({ chain, role }: WorkerInspection, pid: number): readonly ChainItem[] {
  return chainSteps(pid, chain).map(({ process, depth }) => {
    const why = whyNotSignaled(process);
    return {
      pid: process.pid,
      backendStart: process.backendStart ?? '',
      depth,
      title: blockerTitle(process),
      facts: factsOf(process),
      query: process.query ?? '',
      actions: why === undefined ? actionsOf(process) : [],
      note: join(
        process.cycle === true
          ? l10n.t('These processes wait for each other. The server ends one of them after its deadlock_timeout.')
          : '',
        why === undefined ? noteOf(process) : whyText(why, process, role),
      ),
    };
  });
}

export function blockerTitle({ pid, user, application, prepared }: BlockingProcess): string {
  if (pid === 0) return join(l10n.t('prepared transaction'), prepared ?? '', user ?? '');
  return join(l10n.t('pid {0}', pid), user ?? '', application ?? '');
}

function factsOf(process: BlockingProcess): ActivityFact[] {
  const { state = '', held, awaited } = process;
  const idle = state.startsWith('idle in transaction');
  const since = secondsText(process.stateSeconds);
  const rows: readonly LabeledValue[] = [
    [l10n.t('State'), idle && since !== '' ? l10n.t('{0} for {1}', state, since) : state],
    [l10n.t('Transaction open for'), secondsText(process.transactionSeconds)],
    [l10n.t('Type'), process.backendType === 'client backend' ? undefined : process.backendType],
    [l10n.t('Database'), process.database],
    [l10n.t('Holds'), held && lockText(held)],
    [l10n.t('Waits for'), awaited && lockText(awaited)],
  ];
  return labeledValues(rows);
}

/** A cancel has no effect while no statement runs. */
function isIdle({ state = '' }: BlockingProcess): boolean {
  return state.startsWith('idle');
}

function actionsOf(process: BlockingProcess): ChainItem['actions'] {
  const signals: readonly BlockerSignal[] = isIdle(process) ? ['terminate'] : ['cancel', 'terminate'];
  return signals.map((signal) => ({
    signal,
    title: signal === 'cancel' ? l10n.t('Cancel Statement…') : l10n.t('Terminate Session…'),
  }));
}

function noteOf(process: BlockingProcess): string {
  return isIdle(process) ? l10n.t('No statement runs that could be canceled: only its end releases the lock.') : '';
}

function whyText(why: NotSignaled, process: BlockingProcess, role: string): string {
  switch (why) {
    case 'unseen':
      return missingText('pg_read_all_stats', role);
    case 'prepared':
      return process.prepared === undefined
        ? l10n.t('It has no process. End it with COMMIT PREPARED or ROLLBACK PREPARED.')
        : l10n.t(
            'It has no process. Its owner can end it in its database: COMMIT PREPARED or ROLLBACK PREPARED ‘{0}’.',
            process.prepared,
          );
    case 'wraparound':
      return l10n.t(
        'This autovacuum prevents the wraparound of transaction ids, without which the server would stop accepting writes. Let it finish.',
      );
    case 'autovacuum':
      return l10n.t('The server ends this autovacuum by itself, because a statement waits for it.');
    case 'walsender':
      return l10n.t('It sends changes to a standby or a subscriber. Ending it would interrupt the replication.');
    case 'server':
      return l10n.t('It is a process of the server itself.');
  }
}
