import assert from 'node:assert/strict';
import { CAREFUL, moreCareful } from '../../../src/host/base/strictestSetting';

describe('settings that protect the user', () => {
  it('can be made more careful by a workspace, and not less', () => {
    const order = CAREFUL.confirmUnboundedWrites;
    for (const [given, result] of [
      [{ defaultValue: true }, true],
      [{ defaultValue: true, globalValue: false }, false],
      [{ defaultValue: true, workspaceValue: false }, true],
      [{ defaultValue: true, workspaceFolderValue: false }, true],
      [{ defaultValue: true, globalValue: true, workspaceValue: false }, true],
      [{ defaultValue: true, globalValue: false, workspaceValue: true }, true],
      [{ defaultValue: true, globalValue: false, workspaceFolderValue: true, workspaceValue: false }, true],
    ] as const) {
      assert.equal(moreCareful<boolean>(order, given), result, JSON.stringify(given));
    }
  });

  it('have an order also where there are more than two values', () => {
    type Choice = (typeof CAREFUL.onStatementFailure)[number];
    const of = (globalValue: Choice | undefined, workspaceValue: unknown): Choice | undefined =>
      moreCareful<Choice>(CAREFUL.onStatementFailure, {
        defaultValue: 'ask',
        globalValue,
        workspaceValue: workspaceValue as Choice,
      });
    assert.equal(of(undefined, 'continue'), 'ask');
    assert.equal(of('continue', 'continue'), 'continue');
    assert.equal(of('continue', 'stop'), 'stop');
    assert.equal(of('stop', 'ask'), 'stop');
    assert.equal(of('stop', 'nonsense'), 'stop');
  });
});
