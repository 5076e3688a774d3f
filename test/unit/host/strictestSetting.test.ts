import assert from 'node:assert/strict';
import { STRICTNESS, strictestValue } from '../../../src/host/base/strictestSetting';

describe('settings that protect the user', () => {
  it('can be made stricter by a workspace, but not less strict', () => {
    const order = STRICTNESS.confirmUnboundedWrites;
    for (const [given, result] of [
      [{ defaultValue: true }, true],
      [{ defaultValue: true, globalValue: false }, false],
      [{ defaultValue: true, workspaceValue: false }, true],
      [{ defaultValue: true, workspaceFolderValue: false }, true],
      [{ defaultValue: true, globalValue: true, workspaceValue: false }, true],
      [{ defaultValue: true, globalValue: false, workspaceValue: true }, true],
      [{ defaultValue: true, globalValue: false, workspaceFolderValue: true, workspaceValue: false }, true],
    ] as const) {
      assert.equal(strictestValue<boolean>(order, given), result, JSON.stringify(given));
    }
  });

  it('can have more than two values, ordered by strictness', () => {
    type Choice = (typeof STRICTNESS.onStatementFailure)[number];
    const strictest = (globalValue: Choice | undefined, workspaceValue: unknown): Choice | undefined =>
      strictestValue<Choice>(STRICTNESS.onStatementFailure, {
        defaultValue: 'ask',
        globalValue,
        workspaceValue: workspaceValue as Choice,
      });
    assert.equal(strictest(undefined, 'continue'), 'ask');
    assert.equal(strictest('continue', 'continue'), 'continue');
    assert.equal(strictest('continue', 'stop'), 'stop');
    assert.equal(strictest('stop', 'ask'), 'stop');
    assert.equal(strictest('stop', 'nonsense'), 'stop');
  });
});
