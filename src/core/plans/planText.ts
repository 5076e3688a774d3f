/** A plan in EXPLAIN's text format, as psql shows it. */
import { detailText, nodeDetails, valueText, type Detail } from './nodeDetails';
import { nodeNumbers, nodeTitle } from './nodeTitle';
import { childrenOf, isObject, numberOf, textOf, type JsonObject, type ParsedPlan } from './planJson';

/** A part of a plan's text that is cut off. */
export interface PlanText {
  readonly text: string;
  /** There is more. */
  readonly cut: boolean;
}

/** @param maxLength UTF-16 units, approximately */
export function planText({ queries, fractions }: ParsedPlan, maxLength: number): PlanText {
  const lines: string[] = [];
  let length = 0;
  const add = (text: string): boolean => {
    lines.push(text);
    length += text.length + 1;
    return length <= maxLength;
  };
  for (const [index, { root, summary }] of queries.entries()) {
    if (index > 0) add('');
    if (!root) add('Utility statements have no plan structure');
    else if (!addNodes(root, fractions, add)) return { text: lines.join('\n'), cut: true };
    for (const line of summaryLines(summary, fractions)) add(line);
  }
  return { text: lines.join('\n'), cut: length > maxLength };
}

interface Pending {
  readonly node: JsonObject;
  /** In steps of two spaces. */
  readonly indent: number;
}

/** Without recursion, because a plan can be nested deeper than the stack. @returns false if there is no more room */
function addNodes(root: JsonObject, fractions: boolean, add: (line: string) => boolean): boolean {
  const pending: Pending[] = [{ node: root, indent: 0 }];
  for (let next = pending.pop(); next; next = pending.pop()) {
    const { node } = next;
    let { indent } = next;
    const name = textOf(node, 'Subplan Name');
    if (name !== undefined) add(`${spaces(indent++)}${name}`);
    const arrow = indent > 0 ? '->  ' : '';
    if (!add(`${spaces(indent)}${arrow}${nodeTitle(node)}  ${nodeNumbers(node, fractions)}`.trimEnd())) return false;
    // The arrow has the width of two steps, and the lines below a node are one step further in.
    if (indent > 0) indent += 2;
    indent++;
    for (const detail of nodeDetails(node, fractions)) {
      if (!add(`${spaces(indent)}${detailText(detail)}`)) return false;
    }
    for (const child of childrenOf(node).toReversed()) pending.push({ node: child, indent });
  }
  return true;
}

function spaces(indent: number): string {
  return ' '.repeat(indent * 2);
}

/** What EXPLAIN writes after the plan. */
export function summaryDetails(summary: JsonObject, fractions: boolean): Detail[] {
  return Object.entries(summary).flatMap(([key, value]): Detail[] => {
    if (key === 'Settings' && isObject(value)) {
      const settings = Object.entries(value).map(([name, text]) => `${name} = '${valueText(text)}'`);
      return settings.length === 0 ? [] : [{ key, value: settings.join(', ') }];
    }
    if (key === 'Triggers' && Array.isArray(value)) return value.filter(isObject).map(triggerDetail);
    if (typeof value === 'number' && / Time$/.test(key)) return [{ key, value: `${value.toFixed(3)} ms` }];
    if (isObject(value)) {
      if (key === 'JIT') return [{ key, value: '' }, ...jitDetails(value)];
      const inner = nodeDetails(value, fractions);
      return inner.length === 0 ? [] : [{ key, value: '' }, ...inner.map((one) => ({ ...one, key: `  ${one.key}` }))];
    }
    return [{ key, value: valueText(value) }];
  });
}

function summaryLines(summary: JsonObject, fractions: boolean): string[] {
  return summaryDetails(summary, fractions).map((detail) => detailText(detail).trimEnd());
}

function triggerDetail(trigger: JsonObject): Detail {
  const name = textOf(trigger, 'Trigger Name');
  const constraint = textOf(trigger, 'Constraint Name');
  const time = numberOf(trigger, 'Time');
  const key = constraint === undefined ? `Trigger ${name ?? ''}` : `Trigger for constraint ${constraint}`;
  const calls = `calls=${(numberOf(trigger, 'Calls') ?? 0).toFixed(0)}`;
  return { key, value: time === undefined ? calls : `time=${time.toFixed(3)} ${calls}` };
}

function jitDetails(jit: JsonObject): Detail[] {
  return Object.entries(jit).map(([key, value]) => {
    if (!isObject(value)) return { key: `  ${key}`, value: valueText(value) };
    const parts = Object.entries(value).map(([name, part]) => {
      if (isObject(part)) {
        const total = numberOf(part, 'Total') ?? 0;
        const others = Object.entries(part).filter(([inner]) => inner !== 'Total');
        const inner = others.map(([own, ms]) => `${own} ${milliseconds(ms)}`).join(', ');
        return `${name} ${milliseconds(total)}${inner === '' ? '' : ` (${inner})`}`;
      }
      return typeof part === 'number' ? `${name} ${milliseconds(part)}` : `${name} ${valueText(part)}`;
    });
    return { key: `  ${key}`, value: parts.join(', ') };
  });
}

function milliseconds(value: unknown): string {
  return typeof value === 'number' ? `${value.toFixed(3)} ms` : valueText(value);
}
