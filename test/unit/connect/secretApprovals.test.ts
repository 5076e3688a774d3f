import assert from 'node:assert/strict';
import type { ApprovalRequest } from '../../../src/core/postgres/connect/open/approval';
import { BINDING_PARTS, type Binding } from '../../../src/core/postgres/connect/open/bindingParts';
import { SecretApprovals } from '../../../src/host/connections/secretApprovals';

const BINDING = Object.fromEntries(BINDING_PARTS.map((part) => [part, `${part} 1`])) as Binding;
const REQUEST: ApprovalRequest = { binding: BINDING, secrets: [{ kind: 'passfile', file: '/home/u/.pgpass' }] };

describe('approval of the user’s own secrets for a workspace’s connection', () => {
  let kept: Map<string, unknown>;
  let asked: string[];
  let answer: boolean | undefined;

  const memory = {
    get: (key: string): unknown => kept.get(key),
    update: (key: string, value: unknown): Promise<void> => Promise.resolve(void kept.set(key, value)),
  };
  const approvals = (machine = ''): SecretApprovals =>
    new SecretApprovals(memory as never, machine, (name) => {
      asked.push(name);
      return Promise.resolve(answer);
    });

  beforeEach(() => {
    kept = new Map();
    asked = [];
    answer = true;
  });

  it('approval is asked for once per target, across windows', async () => {
    const first = approvals();
    assert.equal(await first.decide('a', REQUEST, true), 'approved');
    assert.equal(await first.decide('a', REQUEST, true), 'approved');
    assert.equal(await approvals().decide('a', REQUEST, false), 'approved');
    assert.deepEqual(asked, ['a']);
    assert.ok(!JSON.stringify([...kept]).includes('pgpass'), 'only a hash is kept');
  });

  it('approval is asked for again if any part of the target, the secrets, or the computer differs', async () => {
    await approvals().decide('a', REQUEST, true);
    for (const part of BINDING_PARTS) {
      const other = { ...REQUEST, binding: { ...BINDING, [part]: `${part} 2` } };
      assert.equal(await approvals().decide('a', other, false), 'unasked', part);
    }
    const command = (text: string): ApprovalRequest => ({
      binding: BINDING,
      secrets: [{ kind: 'command', command: text }],
    });
    assert.equal(await approvals().decide('a', command('one'), false), 'unasked');
    assert.equal(await approvals().decide('a', command('one'), true), 'approved');
    assert.equal(await approvals().decide('a', command('two'), false), 'unasked');
    assert.equal(await approvals('container').decide('a', REQUEST, false), 'unasked');
  });

  it('approval is never asked for without an action of the user', async () => {
    assert.equal(await approvals().decide('a', REQUEST, false), 'unasked');
    assert.deepEqual(asked, []);
  });

  it('a denied approval is not asked for again until the user wants the connection again', async () => {
    for (const no of [false, undefined]) {
      answer = no;
      asked = [];
      const some = approvals();
      assert.equal(await some.decide('a', REQUEST, true), 'denied');
      assert.equal(await some.decide('a', REQUEST, true), 'denied');
      some.forgetDenials('b');
      assert.equal(await some.decide('a', REQUEST, false), 'denied');
      some.forgetDenials('a');
      assert.equal(await some.decide('a', REQUEST, true), 'denied');
      assert.deepEqual(asked, ['a', 'a']);
    }
    assert.deepEqual([...kept], []);
  });

  it('sessions that are opened at the same time share one question', async () => {
    const some = approvals();
    const decisions = await Promise.all([1, 2, 3].map(() => some.decide('a', REQUEST, true)));
    assert.deepEqual([decisions, asked], [['approved', 'approved', 'approved'], ['a']]);
  });
});
