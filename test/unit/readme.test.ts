import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';

describe('README.md', () => {
  it('lists every setting with its current default and description', () => {
    const { status, stderr } = spawnSync(process.execPath, ['scripts/settings-table.mjs', '--check'], {
      encoding: 'utf8',
    });
    assert.equal(status, 0, stderr);
  });
});
