import assert from 'node:assert/strict';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isInside } from '../../../src/host/base/paths';

describe('isInside', () => {
  let root: string;
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'pgbg-inside-'));
    await mkdir(join(root, 'work'));
    await mkdir(join(root, 'home'));
    await writeFile(join(root, 'work', 'service.conf'), '');
    await symlink(join(root, 'work', 'service.conf'), join(root, 'home', 'linked.conf'));
    await symlink(join(root, 'work'), join(root, 'linked'));
  });
  after(() => rm(root, { recursive: true }));

  it('resolves symbolic links, also for files that do not exist', () => {
    for (const [file, folder, inside] of [
      ['work/service.conf', 'work', true],
      ['work/deep/none.conf', 'work', true],
      ['home/linked.conf', 'work', true],
      ['work/service.conf', 'linked', true],
      ['work/..conf', 'work', true],
      ['home/none.conf', 'work', false],
      ['work/../home/none.conf', 'work', false],
      ['worker/x', 'work', false],
    ] as const) {
      assert.equal(isInside(join(root, file), join(root, folder)), inside, file);
    }
  });
});
