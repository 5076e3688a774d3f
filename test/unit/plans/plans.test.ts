import assert from 'node:assert/strict';
import { parsePlan, type ParsedPlan } from '../../../src/core/plans/planJson';
import { planText } from '../../../src/core/plans/planText';
import { planTree } from '../../../src/core/plans/planTree';

function parsed(plan: unknown): ParsedPlan {
  const result = parsePlan(typeof plan === 'string' ? plan : JSON.stringify(plan));
  if ('code' in result) throw new Error(result.code);
  return result;
}

const scan = (cost: number, more: object = {}): object => ({ 'Node Type': 'Seq Scan', 'Total Cost': cost, ...more });

describe('plans', () => {
  it('share the cost of a node between itself and the nodes below it', () => {
    const plan = parsed([{ Plan: { 'Node Type': 'Sort', 'Total Cost': 100, Plans: [scan(60), scan(15)] } }]);
    assert.deepEqual(
      planTree(plan, 10).nodes.map(({ costShare, parent, depth }) => [costShare, parent, depth]),
      [
        [0.25, undefined, 0],
        [0.6, 0, 1],
        [0.15, 0, 1],
      ],
    );
  });

  it('share no more than the cost of a LIMIT among the nodes below it', () => {
    const plan = parsed([{ Plan: { 'Node Type': 'Limit', 'Total Cost': 5, Plans: [scan(1000)] } }]);
    assert.deepEqual(
      planTree(plan, 10).nodes.map(({ costShare }) => costShare),
      [0, 1],
    );
  });

  it('count the inner side of a nested loop once for each row of the outer side', () => {
    const inner = scan(8, { 'Parent Relationship': 'Inner' });
    const outer = scan(100, { 'Parent Relationship': 'Outer', 'Plan Rows': 100 });
    const plan = parsed([{ Plan: { 'Node Type': 'Nested Loop', 'Total Cost': 1000, Plans: [outer, inner] } }]);
    const [own, first, second] = planTree(plan, 10).nodes.map(({ costShare }) => Math.round(costShare * 100));
    assert.deepEqual([own, first, second], [10, 10, 80]);
  });

  it('share the run time, with the averages of parallel processes', () => {
    const timed = (time: number, loops: number, more: object = {}): object =>
      scan(1, { 'Actual Total Time': time, 'Actual Loops': loops, 'Actual Rows': 1, ...more });
    const plan = parsed([
      { Plan: timed(10, 1, { 'Node Type': 'Gather', 'Workers Launched': 2, Plans: [timed(8, 3)] }) },
    ]);
    const [gather, below] = planTree(plan, 10).nodes.map(({ timeShare }) => Math.round((timeShare ?? 0) * 100));
    assert.deepEqual([gather, below], [20, 80]);
    assert.equal(plan.analyzed, true);
  });

  it('keep keys and nodes of later server versions', () => {
    const plan = parsed([
      { Plan: { 'Node Type': 'Quantum Scan', 'New Key': 'x', 'New Object': { a: [1] }, 'New Flag': true }, Extra: 7 },
    ]);
    assert.equal(
      planText(plan, 1000).text,
      'Quantum Scan\n  New Key: x\n  New Object: {"a":[1]}\n  New Flag: true\nExtra: 7',
    );
  });

  it('are read without recursion, and not beyond the limits', () => {
    const depth = 20_000;
    const nested = `${'{"Node Type":"Limit","Total Cost":1,"Plans":['.repeat(depth)}${JSON.stringify(scan(1))}${']}'.repeat(depth)}`;
    const plan = parsed(`[{"Plan":${nested}}]`);
    const tree = planTree(plan, 100);
    assert.deepEqual([tree.nodes.length, tree.omitted], [100, depth + 1 - 100]);
    const { text, cut } = planText(plan, 10_000);
    assert.ok(cut && text.length < 20_000);
  });

  it('reject what is no plan', () => {
    for (const json of ['', 'x', '{}', '[]', '7']) assert.deepEqual(parsePlan(json), { code: 'plan.notAPlan' });
    assert.equal(planText(parsed(['Utility Statement']), 100).text, 'Utility statements have no plan structure');
    assert.deepEqual(planTree(parsed([{ Plan: 3 }, null, { Plan: { Plans: [1, null] } }]), 10).nodes.length, 1);
  });
});
