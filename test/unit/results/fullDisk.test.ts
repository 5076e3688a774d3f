import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { SpoolReader, SpoolWriter } from '../../../src/core/results/spool';
import { copyText, manyRows, NO_LIMITS, TWO_COLUMNS, withFolder } from './support';

/** A disk of 1 MB, where the test may make one (as root on Linux). */
async function withSmallDisk(use: (folder: string) => Promise<void>): Promise<boolean> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  return withFolder(async (parent) => {
    const folder = join(parent, 'disk');
    await mkdir(folder);
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m,mode=0700', 'tmpfs', folder], { stdio: 'ignore' });
    } catch {
      return false; // Root in a container that may not mount.
    }
    try {
      await use(folder);
    } finally {
      execFileSync('umount', [folder]);
    }
    return true;
  });
}

describe('a spool on a disk that is really full', () => {
  const rows = manyRows(40_000);
  const text = copyText(rows);

  for (const chunkSize of [1000, 65_536, text.length]) {
    it(`keeps what was written and lets the source finish (chunks of ${chunkSize} bytes)`, async function () {
      const mounted = await withSmallDisk(async (folder) => {
        const file = join(folder, 'a');
        const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
        function* chunks(): Generator<Buffer> {
          for (let at = 0; at < text.length; at += chunkSize) yield text.subarray(at, at + chunkSize);
        }
        await pipeline(Readable.from(chunks()), writer.stream);
        const status = await writer.finish();
        assert.equal(status.stopped, 'diskFull');
        assert.equal(status.complete, true);
        assert.equal(status.rows + status.dropped, rows.length);
        // All but what one more write would have taken, and the room for the two small files.
        assert.ok(status.bytes > 1_048_576 - 20_000, `${status.bytes} bytes kept`);
        assert.match(status.message!, /^The disk is full: the first [\d,]+ rows were kept/);
        const reader = await SpoolReader.open(file);
        assert.deepEqual(await reader.status(), status);
        assert.deepEqual(await reader.rows(0, rows.length), rows.slice(0, status.rows));
        await reader.close();
        assert.equal((await readFile(`${file}.rows`)).length, status.bytes);
      });
      if (!mounted) this.skip();
    });
  }

  it('says so when there was no room to begin with', async function () {
    const mounted = await withSmallDisk(async (folder) => {
      await writeFile(join(folder, 'other'), Buffer.alloc(2_000_000)).catch(() => undefined);
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await pipeline(Readable.from([text]), writer.stream);
      const status = await writer.finish();
      assert.equal(status.stopped, 'diskFull');
      assert.equal(status.rows, 0);
      assert.equal(status.dropped, rows.length);
      assert.match(status.message!, /^The disk is full/);
      await rm(join(folder, 'other'));
    });
    if (!mounted) this.skip();
  });

  it('is not written through a link that was put in its place', async function () {
    if (process.platform === 'win32') this.skip();
    await withFolder(async (folder) => {
      await writeFile(join(folder, 'precious'), 'kept');
      await symlink(join(folder, 'precious'), join(folder, 'a.rows'));
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await pipeline(Readable.from([text]), writer.stream);
      assert.equal((await writer.finish()).rows, rows.length);
      assert.equal(await readFile(join(folder, 'precious'), 'utf8'), 'kept');
    });
  });
});
