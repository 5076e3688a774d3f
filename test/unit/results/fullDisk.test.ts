import assert from 'node:assert/strict';
import { readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { exportRows } from '../../../src/core/results/format/exports';
import { SpoolReader, SpoolWriter } from '../../../src/core/results/spool/spool';
import { canMount, withSmallDisk } from '../smallDisk';
import { copyText, manyRows, NO_LIMITS, spoolOf, TWO_COLUMNS, withFolder } from './support';

describe('a spool on a full disk', () => {
  const rows = manyRows(40_000);
  const text = copyText(rows);
  // Reported as skipped without permission to mount.
  const diskIt = canMount() ? it : it.skip;

  for (const chunkSize of [1000, 65_536, text.length]) {
    diskIt(`keeps what was written and lets the source finish (chunks of ${chunkSize} bytes)`, async () => {
      await withSmallDisk(async (folder) => {
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
        // The rest is taken by the two small files and a partial page.
        assert.ok(status.bytes > 1_048_576 - 30_000, `${status.bytes} bytes kept`);
        assert.deepEqual(status.fault, { code: 'rows.diskFull', params: { rows: status.rows } });
        const reader = await SpoolReader.open(file);
        assert.deepEqual(await reader.status(), status);
        assert.deepEqual(await reader.rows(0, rows.length), rows.slice(0, status.rows));
        await reader.close();
        assert.equal((await readFile(`${file}.rows`)).length, status.bytes);
      });
    });
  }

  diskIt('reports a disk that was full from the start', async () => {
    await withSmallDisk(async (folder) => {
      await writeFile(join(folder, 'other'), Buffer.alloc(2_000_000)).catch(() => undefined);
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await pipeline(Readable.from([text]), writer.stream);
      const status = await writer.finish();
      assert.equal(status.stopped, 'diskFull');
      assert.equal(status.rows, 0);
      assert.equal(status.dropped, rows.length);
      assert.deepEqual(status.fault, { code: 'rows.diskFull', params: { rows: 0 } });
    });
  });

  diskIt('leaves no partial file of an export', async () => {
    await withFolder(async (other) => {
      const reader = await spoolOf(other, TWO_COLUMNS, rows);
      await withSmallDisk(async (folder) => {
        const file = join(folder, 'out.csv');
        await assert.rejects(exportRows(reader, file, 'csv'), {
          fault: { code: 'rows.exportDiskFull', params: { file } },
        });
        assert.deepEqual(await readdir(folder), []);
      });
      await reader.close();
    });
  });

  const posixIt = process.platform === 'win32' ? it.skip : it;
  posixIt('is not written through a link in place of its file', async () => {
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
