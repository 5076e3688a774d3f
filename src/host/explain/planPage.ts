/** Turns a plan into what its page shows, within a budget. */
import { env, l10n } from 'vscode';
import { detailText } from '../../core/plans/nodeDetails';
import type { ParsedPlan } from '../../core/plans/planJson';
import { planText, summaryDetails } from '../../core/plans/planText';
import { planTree, type PlanNode } from '../../core/plans/planTree';
import { shorten } from '../../shared/displayText';
import type { PlanInit, PlanNodeView, PlanStrings } from '../../shared/planProtocol';
import { moreText } from '../base/plainText';

/** Budgets of the page, because a plan can have any size. Lengths in UTF-16 units. */
const MAX_NODES = 5000;
const MAX_DETAILS = 100;
const MAX_DETAIL_LENGTH = 4000;
const MAX_TITLE_LENGTH = 500;
const MAX_DETAILS_LENGTH = 4_000_000;
const MAX_TEXT_LENGTH = 1_000_000;

/** How many nodes are marked as the most expensive, and the share that they have at least. */
const MAX_EXPENSIVE = 3;
const MIN_EXPENSIVE_SHARE = 0.1;

export interface PlanPageParts {
  readonly title: string;
  readonly note: string;
}

export function planInit(plan: ParsedPlan, { title, note }: PlanPageParts): PlanInit {
  const { nodes, omitted } = planTree(plan, MAX_NODES);
  const timed = nodes.some(({ timeShare }) => timeShare !== undefined);
  const shareOf = (node: PlanNode): number => (timed ? (node.timeShare ?? 0) : node.costShare);
  const limit = Math.max(MIN_EXPENSIVE_SHARE, nodes.map(shareOf).sort((a, b) => b - a)[MAX_EXPENSIVE - 1] ?? 0);
  let left = MAX_DETAILS_LENGTH;
  const views = nodes.map((node): PlanNodeView => {
    const details: string[] = [];
    for (const detail of node.details.slice(0, MAX_DETAILS)) {
      const line = shorten(detailText(detail), Math.min(MAX_DETAIL_LENGTH, left), moreText);
      left -= line.length;
      if (left > 0) details.push(line);
    }
    return viewOf(node, shareOf(node), shareOf(node) >= limit, details);
  });
  const { text, cut } = planText(plan, MAX_TEXT_LENGTH);
  const summary = plan.queries.flatMap((query) => summaryDetails(query.summary, plan.fractions).map(detailText));
  const hidden = [
    omitted === 0
      ? ''
      : omitted === 1
        ? l10n.t('1 more node is not shown.')
        : l10n.t('{0} more nodes are not shown.', count(omitted)),
    cut ? l10n.t('The text is cut. “Open JSON” has all of the plan.') : '',
  ];
  return {
    type: 'init',
    strings: planStrings(timed),
    language: env.language,
    title,
    note,
    omitted: hidden.filter((part) => part !== '').join(' '),
    analyzed: plan.analyzed,
    timed,
    nodes: views,
    summary: summary.slice(0, MAX_DETAILS).map((line) => shorten(line, MAX_DETAIL_LENGTH, moreText)),
    text,
  };
}

function viewOf(node: PlanNode, share: number, expensive: boolean, details: readonly string[]): PlanNodeView {
  const { title, subplan, depth, parent, totalCost, planRows, actual } = node;
  return {
    title: shorten(title, MAX_TITLE_LENGTH, moreText),
    depth,
    ...(parent === undefined ? {} : { parent }),
    ...(subplan === undefined ? {} : { subplan: shorten(subplan, MAX_TITLE_LENGTH, moreText) }),
    share,
    shareText: share > 0 && share < 0.005 ? '< 1 %' : `${Math.round(share * 100)} %`,
    expensive,
    cost: totalCost === undefined ? '' : decimal(totalCost, 2),
    rows: planRows === undefined ? '' : count(planRows),
    time: actual?.time === undefined ? '' : decimal(actual.time, 3),
    actualRows: actual ? decimal(actual.rows, Number.isInteger(actual.rows) ? 0 : 2) : '',
    loops: actual ? count(actual.loops) : '',
    details,
  };
}

function count(value: number): string {
  return value.toLocaleString(env.language, { maximumFractionDigits: 0 });
}

function decimal(value: number, digits: number): string {
  return value.toLocaleString(env.language, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function planStrings(timed: boolean): PlanStrings {
  return {
    tree: l10n.t('Tree'),
    text: l10n.t('Text'),
    views: l10n.t('Views of the plan'),
    node: l10n.t('Node'),
    share: timed ? l10n.t('Own time') : l10n.t('Own cost'),
    cost: l10n.t('Total cost'),
    rows: l10n.t('Estimated rows'),
    time: l10n.t('Time per loop (ms)'),
    actualRows: l10n.t('Rows per loop'),
    loops: l10n.t('Loops'),
    details: l10n.t('Details of the node'),
    noDetails: l10n.t('There are no further details.'),
    expensive: l10n.t('One of the most expensive nodes'),
    copyText: l10n.t('Copy Text'),
    openJson: l10n.t('Open JSON'),
    showJob: l10n.t('Show Job'),
  };
}
