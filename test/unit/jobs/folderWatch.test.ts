import assert from 'node:assert/strict';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/core/base/clock';
import { FolderWatch } from '../../../src/core/jobs/store/folderWatch';

for (const useFsWatch of [true, false]) {
  describe(`watching a folder ${useFsWatch ? 'with fs.watch' : 'by polling'}`, () => {
    let folder = '';
    let watching: FolderWatch | undefined;
    const seen = new Set<string>();
    let wake: () => void = () => undefined;

    /** Resolves when a change of the file has been reported; the test's own limit of time applies. */
    async function reported(name: string): Promise<void> {
      while (!seen.has(name)) await new Promise<void>((resolve) => (wake = resolve));
      seen.delete(name);
    }

    beforeEach(async () => {
      folder = await mkdtemp(join(tmpdir(), 'pgbg-watch-'));
      seen.clear();
      await writeFile(join(folder, 'before.json'), '{}');
      watching = new FolderWatch({
        folder,
        clock: systemClock,
        useFsWatch,
        relevant: (name) => name.endsWith('.json'),
        changed: (names) => {
          for (const name of names) seen.add(name);
          wake();
        },
      });
      // The first look has been taken once a change is reported.
      let n = 0;
      while (!seen.has('probe.json')) {
        await writeFile(join(folder, 'probe.json'), String(n++));
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
    afterEach(async () => {
      watching?.dispose();
      await rm(folder, { recursive: true, force: true });
    });

    it('reports created, replaced, and removed files, and no others', async () => {
      await writeFile(join(folder, 'other.txt'), 'x');
      await writeFile(join(folder, 'new.json'), '1');
      await reported('new.json');
      await writeFile(join(folder, 'x.tmp'), '22');
      await rename(join(folder, 'x.tmp'), join(folder, 'new.json'));
      await reported('new.json');
      await rm(join(folder, 'before.json'));
      await reported('before.json');
      assert.ok(!seen.has('other.txt'));
    });

    it('reports once which files were there when it began, because they may have changed since its owner read them', async () => {
      watching?.dispose();
      seen.clear();
      watching = new FolderWatch({
        ...{ folder, clock: systemClock, useFsWatch },
        relevant: (name) => name.endsWith('.json'),
        mayChange: (name) => name === 'before.json',
        changed: (names) => {
          for (const name of names) seen.add(name);
          wake();
        },
      });
      await reported('before.json');
      assert.ok(!seen.has('probe.json'));
    });
  });
}
