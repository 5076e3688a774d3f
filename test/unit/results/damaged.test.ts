import assert from 'node:assert/strict';
import { appendFile, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textFault } from '../../../src/core/base/fault';
import { SpoolReader, SpoolWriter } from '../../../src/core/results/spool/spool';
import { copyText, manyRows, NO_LIMITS, send, TWO_COLUMNS, withFolder } from './support';

const ROWS = manyRows(500);

/** A finished spool of ROWS; its files may be damaged before it is opened. */
async function withSpool(use: (file: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const file = join(folder, 'a');
    const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
    await send(writer, copyText(ROWS));
    await writer.finish();
    await use(file);
  });
}

async function read(file: string, use: (reader: SpoolReader) => Promise<void>, known = TWO_COLUMNS): Promise<void> {
  const reader = await SpoolReader.open(file, known);
  try {
    await use(reader);
  } finally {
    await reader.close();
  }
}

/** Entries of an index file. */
function entries(...pairs: readonly (readonly [row: number, offset: number])[]): Buffer {
  const bytes = Buffer.alloc(pairs.length * 16);
  pairs.forEach(([row, offset], i) => {
    bytes.writeDoubleLE(row, i * 16);
    bytes.writeDoubleLE(offset, i * 16 + 8);
  });
  return bytes;
}

describe('a spool with a forged or damaged index', () => {
  const size = copyText(ROWS).length;
  const cases: readonly (readonly [what: string, index: Buffer])[] = [
    ['claims five billion rows', entries([5e9, size])],
    ['claims more rows between two entries than there can be', entries([64, 100], [5e9, size])],
    ['claims more rows than bytes', entries([60, 3])],
    ['contains offsets where no row ends', entries([10, 21], [20, 43], [30, 65])],
    ['goes back', entries([64, 2000], [60, 3000])],
    ['contains invalid numbers', entries([NaN, 10], [-5, 10], [1.5, 10], [Infinity, Infinity])],
    ['is noise', Buffer.alloc(100_000, 0xa5)],
    ['is truncated', entries([64, 2000]).subarray(0, 9)],
  ];
  for (const [what, index] of cases) {
    it(`reads the rows in the file if the index ${what}`, async () => {
      await withSpool(async (file) => {
        await writeFile(`${file}.index`, index);
        await read(file, async (reader) => {
          assert.equal((await reader.status()).rows, ROWS.length);
          assert.deepEqual(await reader.rows(0, 1e10), ROWS);
          assert.deepEqual(await reader.rows(490, 100), ROWS.slice(490));
          await assert.rejects(reader.cell(4_999_999_999, 0), RangeError);
          let bytes = 0;
          for await (const block of reader.blocks()) bytes += block.bytes.length;
          assert.equal(bytes, size);
        });
      });
    });
  }

  it('detects wrong but plausible index entries when it uses them', async () => {
    await withSpool(async (file) => {
      const ends = copyText(ROWS.slice(0, 400)).length;
      // The offset is at the end of a row, but the entry counts only 64 of 400 rows.
      await writeFile(`${file}.index`, entries([64, ends]));
      await read(file, async (reader) => {
        await assert.rejects(reader.cell(100_000, 0), RangeError);
        assert.equal((await reader.rows(0, 1)).length, 1);
        assert.ok((await reader.status()).rows <= ROWS.length);
      });
      // There are too few rows before the entry, so the requested one is missing.
      await writeFile(`${file}.index`, entries([64, copyText(ROWS.slice(0, 10)).length]));
      await read(file, async (reader) => assert.deepEqual(await reader.rows(50, 10), ROWS.slice(50, 60)));
    });
  });

  it('reads a sparse index of 1 GB in constant memory', async () => {
    await withSpool(async (file) => {
      await truncate(`${file}.index`, 1024 ** 3);
      const before = process.memoryUsage().arrayBuffers;
      await read(file, async (reader) => {
        assert.deepEqual(await reader.rows(0, 3), ROWS.slice(0, 3));
        assert.ok(process.memoryUsage().arrayBuffers - before < 64 * 1024 * 1024);
      });
    });
  });
});

describe('a spool with a damaged record', () => {
  const damages: readonly (readonly [what: string, damage: (record: string) => Promise<void>])[] = [
    ['missing', (record) => rm(record)],
    ['empty', (record) => writeFile(record, '')],
    ['truncated', (record) => truncate(record, 40)],
    ['not a record', (record) => writeFile(record, '{"version":1,"columns":[{}],"status":{}}')],
    [
      'with invalid numbers',
      (record) =>
        writeFile(record, '{"version":1,"columns":[],"status":{"rows":"x","bytes":0,"dropped":0,"complete":true}}'),
    ],
    ['huge', (record) => truncate(record, 10 * 1024 ** 3)],
  ];
  for (const [what, damage] of damages) {
    it(`reads the rows and reports the damage if the record is ${what}`, async () => {
      await withSpool(async (file) => {
        await damage(`${file}.json`);
        await read(file, async (reader) => {
          assert.deepEqual(reader.columns, TWO_COLUMNS);
          assert.deepEqual(await reader.rows(0, 1000), ROWS);
          const status = await reader.status();
          assert.deepEqual([status.rows, status.complete], [ROWS.length, true]);
          assert.deepEqual(status.fault, { code: 'rows.noDescription' });
        });
      });
    });
  }

  it('generates column names if the columns are unknown', async () => {
    await withSpool(async (file) => {
      await rm(`${file}.json`);
      for (const known of [[], [{ name: 'one', type: 'text' }]]) {
        await read(
          file,
          (reader) => {
            assert.deepEqual(
              reader.columns.map(({ name }) => name),
              ['column1', 'column2'],
            );
            return Promise.resolve();
          },
          known,
        );
      }
    });
  });

  it('fails to open a spool without rows', async () => {
    await withSpool(async (file) => {
      await rm(`${file}.json`);
      await rm(`${file}.rows`);
      await assert.rejects(SpoolReader.open(file), { code: 'ENOENT' });
    });
  });

  it('shows the text of a record that an older version wrote', async () => {
    await withSpool(async (file) => {
      const record = JSON.parse(await readFile(`${file}.json`, 'utf8')) as { status: object };
      const status = { ...record.status, dropped: 2, stopped: 'error', message: 'The disk is full.' };
      await writeFile(`${file}.json`, JSON.stringify({ ...record, status }));
      await read(file, async (reader) => {
        assert.deepEqual((await reader.status()).fault, textFault('The disk is full.'));
      });
    });
  });

  it('leaves no temporary files', async () => {
    await withSpool(async (file) => {
      const names = await readdir(join(file, '..'));
      assert.deepEqual(names.sort(), ['a.index', 'a.json', 'a.rows']);
      // Windows has no file modes.
      if (process.platform !== 'win32') assert.equal((await stat(`${file}.json`)).mode & 0o777, 0o600);
      await appendFile(`${file}.rows`, 'x');
      await read(file, async (reader) => assert.equal((await reader.status()).rows, ROWS.length));
    });
  });
});
