/** The sentences for problems with Explain. Loaded on demand, as the command is. */
import { l10n } from 'vscode';
import type { PlanFaults } from '../../core/plans/planJson';
import type { ExplainFaults } from '../../core/sql/explain/explainText';
import type { Messages } from './messages';

export const EXPLAIN_MESSAGES: Messages<ExplainFaults & PlanFaults> = {
  'explain.severalStatements': () =>
    l10n.t('Explain takes one statement. Put the cursor in it, or select it without others.'),
  'explain.noPlan': ({ command }) =>
    l10n.t(
      '{0} has no plan, so it cannot be explained. EXPLAIN takes SELECT, VALUES, TABLE, INSERT, UPDATE, DELETE, MERGE, DECLARE, CREATE TABLE … AS, and CREATE MATERIALIZED VIEW … AS.',
      command,
    ),
  'explain.refresh': ({ command }) =>
    l10n.t('EXPLAIN shows no plan for {0}. Explain the query of the view instead.', command),
  'explain.prepared': ({ command }) =>
    l10n.t(
      '{0} cannot be explained, because a worker has no prepared statements. Explain the statement that was prepared.',
      command,
    ),
  'plan.tooLarge': ({ megabytes }) =>
    l10n.t('The plan has {0} MB, which is too large for this page. The job’s results have it as JSON.', megabytes),
  'plan.notAPlan': () => l10n.t('The server returned no plan that this version can read. The job’s results show it.'),
};
