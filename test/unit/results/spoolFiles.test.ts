import assert from 'node:assert/strict';
import { appendFile, mkdir, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { removeSpool, SpoolReader, SpoolWriter, sweepOrphans } from '../../../src/core/results/spool/spool';
import { SpoolFiles } from '../../../src/core/results/spool/spoolStore';
import { copyText, manyRows, NO_LIMITS, send, TWO_COLUMNS, withFolder } from './support';

describe('files of the spool', () => {
  // Windows has no file modes; there, only the user can access the folders of a profile.
  const posixIt = process.platform === 'win32' ? it.skip : it;
  posixIt('are private, whatever was there before', async () => {
    await withFolder(async (folder) => {
      const old = process.umask(0);
      try {
        await writeFile(join(folder, 'a.rows'), 'left over', { mode: 0o666 });
        const writer = await SpoolWriter.create(join(folder, 'deep', 'er', 'b'), TWO_COLUMNS, NO_LIMITS);
        await writer.finish();
        const other = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, { maxRows: 1, maxBytes: 0 });
        await send(other, copyText(manyRows(3)));
        await other.finish();
      } finally {
        process.umask(old);
      }
      for (const file of ['a', 'deep/er/b']) {
        for (const suffix of ['rows', 'index', 'json']) {
          assert.equal((await stat(join(folder, `${file}.${suffix}`))).mode & 0o777, 0o600);
        }
      }
      assert.equal((await stat(join(folder, 'deep', 'er'))).mode & 0o777, 0o700);
      assert.deepEqual((await readdir(folder)).sort(), ['a.index', 'a.json', 'a.rows', 'deep']);
    });
  });

  it('are removed, including those left by a crash', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await writer.finish();
      await appendFile(join(folder, 'a.json.0123abcd.tmp'), '');
      await appendFile(join(folder, 'ab.json'), '');
      await removeSpool(join(folder, 'a'));
      await removeSpool(join(folder, 'a'));
      await removeSpool(join(folder, 'no', 'folder'));
      assert.deepEqual(await readdir(folder), ['ab.json']);
    });
  });

  it('do not reappear if they are removed during a write', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await send(writer, copyText(manyRows(10)));
      await removeSpool(join(folder, 'a'));
      await send(writer, copyText(manyRows(10)));
      assert.equal((await writer.finish()).rows, 20);
      assert.deepEqual(await readdir(folder), []);
    });
  });

  it('are swept with the folders of comparisons that an earlier process has left', async () => {
    await withFolder(async (folder) => {
      for (const name of ['compared-a', 'compared-b', 'other']) await mkdir(join(folder, name));
      await writeFile(join(folder, 'compared-a', 'rows.before.0.run'), 'left over');
      for (const name of ['compared-a', 'other']) await utimes(join(folder, name), 1, 1);
      await sweepOrphans(folder, []);
      assert.deepEqual((await readdir(folder)).sort(), ['compared-b', 'other']);
    });
  });

  it('are swept if they belong to no job; other files remain', async () => {
    await withFolder(async (folder) => {
      for (const name of ['a', 'b', 'c', 'd']) {
        await (await SpoolWriter.create(join(folder, name), TWO_COLUMNS, NO_LIMITS)).finish();
      }
      await writeFile(join(folder, 'jobs.json'), '{}');
      await mkdir(join(folder, 'folder'));
      assert.deepEqual(await sweepOrphans(folder, [join(folder, 'a'), 'c', 'd'], () => 60_000), []);
      assert.deepEqual(await sweepOrphans(folder, [join(folder, 'a'), 'c']), [join(folder, 'b'), join(folder, 'd')]);
      const left = ['a.index', 'a.json', 'a.rows', 'c.index', 'c.json', 'c.rows', 'folder', 'jobs.json'];
      assert.deepEqual((await readdir(folder)).sort(), left);
      assert.deepEqual(await sweepOrphans(join(folder, 'none'), []), []);
    });
  });

  it('are not swept while they may be a window’s copies of the rows of durable jobs', async () => {
    await withFolder(async (folder) => {
      const files = new SpoolFiles(folder, () => NO_LIMITS);
      const anHourAgo = Date.now() / 1000 - 3600;
      for (const name of ['durable-key-1-window', 'job']) {
        await (await SpoolWriter.create(join(folder, name), TWO_COLUMNS, NO_LIMITS)).finish();
        await utimes(join(folder, `${name}.rows`), anHourAgo, anHourAgo);
      }
      assert.deepEqual(await files.sweep([]), [join(folder, 'job')]);
    });
  });

  it('that cannot be created cause an error with its reason', async () => {
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'file'), '');
      await assert.rejects(SpoolWriter.create(join(folder, 'file', 'a'), TWO_COLUMNS, NO_LIMITS), /EEXIST|ENOTDIR/);
    });
  });

  it('can be read while another process writes them', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'a');
      const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
      await send(writer, copyText(manyRows(10)));
      // Another running process: the spool is still growing.
      const record = await readFile(`${file}.json`, 'utf8');
      await writer.finish();
      await writeFile(`${file}.json`, record.replace(`"writer":${process.pid}`, `"writer":${process.ppid}`));
      const reader = await SpoolReader.open(file);
      assert.equal((await reader.status()).stopped, undefined);
      const handle = await open(`${file}.rows`, 'a');
      await handle.writeFile('77\tmore\n');
      await handle.close();
      assert.deepEqual(await reader.rows(10, 5), [['77', 'more']]);
      await reader.close();
    });
  });
});
