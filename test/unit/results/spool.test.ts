import assert from 'node:assert/strict';
import { readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { SpoolReader, SpoolWriter } from '../../../src/core/results/spool/spool';
import { copyText, manyRows, NO_LIMITS, randomizer, send, TWO_COLUMNS, withFolder } from './support';

describe('the spool', () => {
  it('returns the rows written in chunks that end anywhere', async () => {
    await withFolder(async (folder) => {
      const rows = manyRows(3000);
      const text = copyText(rows);
      const random = randomizer(3);
      for (const maxSize of [1, 3, 100, 5000, text.length]) {
        const source = maxSize === 1 ? text.subarray(0, copyText(rows.slice(0, 60)).length) : text;
        const expected = maxSize === 1 ? rows.slice(0, 60) : rows;
        const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
        function* chunks(): Generator<Buffer> {
          for (let at = 0; at < source.length;) {
            const size = maxSize === 1 ? 1 : 1 + random(maxSize);
            yield source.subarray(at, at + size);
            at += size;
          }
        }
        await pipeline(Readable.from(chunks()), writer.stream);
        const status = await writer.finish();
        assert.deepEqual(status, { rows: expected.length, bytes: source.length, complete: true, dropped: 0 });
        const reader = await SpoolReader.open(join(folder, 'a'));
        assert.deepEqual(await reader.status(), status);
        assert.deepEqual(reader.columns, TWO_COLUMNS);
        assert.deepEqual(await reader.rows(0, 1e9), expected);
        for (let i = 0; i < 50; i++) {
          const offset = random(expected.length + 10);
          const limit = random(300);
          assert.deepEqual(await reader.rows(offset, limit), expected.slice(offset, offset + limit));
        }
        await reader.close();
      }
    });
  });

  it('keeps an empty result, a column of empty strings, and rows of one NULL', async () => {
    await withFolder(async (folder) => {
      for (const rows of [[], [[''], ['']], [[null], [''], [null]]]) {
        const writer = await SpoolWriter.create(join(folder, 'a'), [{ name: 'x', type: 'text' }], NO_LIMITS);
        await send(writer, copyText(rows));
        assert.equal((await writer.finish()).rows, rows.length);
        const reader = await SpoolReader.open(join(folder, 'a'));
        assert.deepEqual(await reader.rows(0, 10), rows);
        assert.deepEqual((await reader.preview(0, 10, { maxLength: 5 })).rows, rows);
        const order = Uint32Array.from(rows.keys()).reverse();
        assert.deepEqual((await reader.preview(0, 10, { maxLength: 5, order })).rows, rows.toReversed());
        await reader.close();
      }
    });
  });

  it('returns single values, pages in another order, and previews', async () => {
    await withFolder(async (folder) => {
      const long = '😀'.repeat(100_000);
      const rows = [
        ['1', 'a\\b\nc'],
        ['2', long],
        ['3', null],
        ['4', `${long}\t`],
      ];
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await send(writer, copyText(rows), 1000);
      await writer.finish();
      const reader = await SpoolReader.open(join(folder, 'a'));
      assert.equal(await reader.cell(0, 1), 'a\\b\nc');
      assert.equal(await reader.cell(1, 1), long);
      assert.equal(await reader.cell(2, 1), null);
      assert.equal(await reader.cell(3, 0), '4');
      await assert.rejects(reader.cell(4, 0), RangeError);
      await assert.rejects(reader.cell(0, 2), RangeError);
      assert.deepEqual(await reader.rowsAt(Uint32Array.of(3, 0, 2), 1, 5), [rows[0], rows[2]]);
      const length = long.length;
      assert.deepEqual(await reader.preview(0, 10, { maxLength: 5 }), {
        rows: [
          ['1', 'a\\b\nc'],
          ['2', '😀😀'],
          ['3', null],
          ['4', '😀😀'],
        ],
        cut: [
          { row: 1, column: 1, length },
          { row: 3, column: 1, length: length + 1 },
        ],
      });
      const order = Uint32Array.of(3, 0, 1);
      assert.deepEqual(await reader.preview(1, 2, { maxLength: 5, order, columns: { from: 1, count: 5 } }), {
        rows: [['a\\b\nc'], ['😀😀']],
        cut: [{ row: 1, column: 0, length }],
      });
      assert.deepEqual(await reader.preview(0, 3, { maxLength: 50, columns: { from: 0, count: 1 } }), {
        rows: [['1'], ['2'], ['3']],
        cut: [],
      });
      await reader.close();
    });
  });

  it('reads all rows in blocks of whole lines, including rows longer than a block, and stops when aborted', async () => {
    await withFolder(async (folder) => {
      const rows = [['1', 'x'.repeat(3_000_000)], ...manyRows(40_000), ['2', 'y'.repeat(1_500_000)]];
      const text = copyText(rows);
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await send(writer, text, 65_536);
      await writer.finish();
      const reader = await SpoolReader.open(join(folder, 'a'));
      const parts: Buffer[] = [];
      for await (const { bytes } of reader.blocks()) {
        assert.equal(bytes.at(-1), 10);
        parts.push(Buffer.from(bytes));
      }
      assert.ok(parts.length > 1);
      assert.ok(Buffer.concat(parts).equals(text));
      const stop = new AbortController();
      await assert.rejects(async () => {
        for await (const { position } of reader.blocks(stop.signal)) if (position > 0) stop.abort(new Error('enough'));
      }, /enough/);
      await reader.close();
    });
  });

  it('can be read while it grows', async () => {
    await withFolder(async (folder) => {
      const rows = manyRows(20_000);
      const text = copyText(rows);
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      const reader = await SpoolReader.open(join(folder, 'a'));
      assert.deepEqual(await reader.status(), { rows: 0, bytes: 0, complete: false, dropped: 0 });
      for (let at = 0; at < text.length; at += 33_333) {
        await send(writer, text.subarray(at, at + 33_333));
        const status = await reader.status();
        assert.deepEqual(status, writer.status());
        assert.deepEqual(await reader.rows(status.rows - 3, 10), rows.slice(status.rows - 3, status.rows));
      }
      await writer.finish();
      assert.deepEqual(await reader.status(), { rows: 20_000, bytes: text.length, complete: true, dropped: 0 });
      assert.deepEqual(await reader.rows(0, 1e6), rows);
      await reader.close();
    });
  });

  it('accepts columns that become known later', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), [], NO_LIMITS);
      const reader = await SpoolReader.open(join(folder, 'a'));
      await writer.setColumns(TWO_COLUMNS);
      await writer.finish();
      await reader.status();
      assert.deepEqual(reader.columns, TWO_COLUMNS);
      await reader.close();
    });
  });
});

describe('the record of a spool', () => {
  it('contains the final columns and status in any order of writes', async () => {
    await withFolder(async (folder) => {
      for (let i = 0; i < 30; i++) {
        const file = join(folder, `a${i}`);
        const writer = await SpoolWriter.create(file, [], NO_LIMITS);
        const early = writer.setColumns([]);
        writer.stream.end(copyText(manyRows(3)));
        const late = writer.setColumns(TWO_COLUMNS);
        const status = i % 2 ? await writer.finish() : writer.status();
        await Promise.all([early, late, writer.finish()]);
        if (i % 3 === 0) await writer.setColumns(TWO_COLUMNS);
        const reader = await SpoolReader.open(file);
        assert.deepEqual(await reader.status(), writer.status());
        assert.equal(writer.status().rows, 3);
        assert.equal((await reader.status()).fault, undefined);
        assert.deepEqual(reader.columns, TWO_COLUMNS);
        assert.ok(status.rows <= 3);
        await reader.close();
      }
    });
  });
});

describe('limits of the spool', () => {
  const rows = manyRows(1000);
  const text = copyText(rows);

  for (const chunkSize of [41, 100, 4096, text.length]) {
    it(`keeps whole rows up to the limit and counts the rest (chunks of ${chunkSize} bytes)`, async () => {
      await withFolder(async (folder) => {
        for (const maxRows of [1, 500, 999]) {
          const file = join(folder, 'a');
          const writer = await SpoolWriter.create(file, TWO_COLUMNS, { maxRows, maxBytes: 0 });
          await send(writer, text, chunkSize);
          const status = await writer.finish();
          assert.equal(status.rows, maxRows);
          assert.equal(status.dropped, 1000 - maxRows);
          assert.equal(status.stopped, 'maxRows');
          assert.equal(status.complete, true);
          assert.deepEqual(status.fault, { code: 'rows.maxRows', params: { rows: maxRows, limit: maxRows } });
          const reader = await SpoolReader.open(file);
          assert.deepEqual(await reader.status(), status);
          assert.deepEqual(await reader.rows(0, 3000), rows.slice(0, maxRows));
          await reader.close();
        }
        for (const maxBytes of [1, 5000, 30_001, text.length - 1]) {
          const file = join(folder, 'b');
          const writer = await SpoolWriter.create(file, TWO_COLUMNS, { maxRows: 0, maxBytes });
          await send(writer, text, chunkSize);
          const status = await writer.finish();
          assert.equal(status.stopped, 'maxBytes');
          assert.equal(status.rows + status.dropped, 1000);
          assert.ok(status.bytes <= maxBytes);
          assert.ok(copyText(rows.slice(0, status.rows + 1)).length > maxBytes);
          assert.equal((await stat(`${file}.rows`)).size, status.bytes);
          const reader = await SpoolReader.open(file);
          assert.deepEqual(await reader.rows(0, 3000), rows.slice(0, status.rows));
          await reader.close();
        }
      });
    });
  }

  it('does not report a limit that is reached exactly', async () => {
    await withFolder(async (folder) => {
      const limits = { maxRows: 1000, maxBytes: text.length };
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, limits);
      await send(writer, text, 999);
      assert.deepEqual(await writer.finish(), { rows: 1000, bytes: text.length, complete: true, dropped: 0 });
    });
  });
});

describe('an interrupted spool', () => {
  const rows = manyRows(5000);
  const text = copyText(rows);

  it('keeps the received rows and reports the failure of the source', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      async function* source(): AsyncGenerator<Buffer> {
        yield text.subarray(0, 50_000);
        await new Promise((done) => setTimeout(done, 20));
        throw new Error('the network is gone');
      }
      await assert.rejects(pipeline(Readable.from(source()), writer.stream), /network is gone/);
      const status = await writer.finish();
      assert.equal(status.complete, false);
      assert.equal(status.stopped, 'error');
      assert.equal(status.dropped, 1);
      assert.deepEqual(status.fault, {
        code: 'rows.receiveFailed',
        params: { error: 'the network is gone', partial: true },
      });
      const reader = await SpoolReader.open(join(folder, 'a'));
      assert.deepEqual(await reader.status(), status);
      assert.deepEqual(await reader.rows(0, 1e6), rows.slice(0, status.rows));
      await reader.close();
    });
  });

  it('keeps the received rows when it is aborted during a write', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      writer.stream.write(text);
      writer.stream.write(text);
      const fault = { code: 'rows.malformed', params: { error: 'not a row' } } as const;
      await writer.abort(fault);
      await writer.abort();
      const status = writer.status();
      assert.deepEqual(status.fault, fault);
      assert.equal(status.complete, false);
      assert.equal(status.rows, rows.length);
      assert.deepEqual(await writer.finish(), status);
    });
  });

  it('drops an incomplete last row and reports it', async () => {
    await withFolder(async (folder) => {
      const writer = await SpoolWriter.create(join(folder, 'a'), TWO_COLUMNS, NO_LIMITS);
      await send(writer, text.subarray(0, text.length - 1));
      const status = await writer.finish();
      assert.equal(status.rows, 4999);
      assert.equal(status.dropped, 1);
      assert.deepEqual(status.fault, { code: 'rows.partial' });
      assert.equal((await stat(join(folder, 'a.rows'))).size, status.bytes);
    });
  });

  it('recovers after a crash, with or without its index', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'a');
      const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
      const grows = await readFile(`${file}.json`);
      await send(writer, text);
      await writer.finish();
      const index = await readFile(`${file}.index`);
      assert.ok(index.length > 64);
      for (const [rowsBytes, indexBytes] of [
        [text.length - 5, index.length],
        [text.length / 2, 37],
        [text.length / 2, index.length],
        [text.length, 0],
        [0, index.length],
        [3, 0],
      ] as const) {
        // The state after a crash: the record of a growing spool whose process no longer exists.
        await writeFile(`${file}.json`, grows.toString().replace(`"writer":${process.pid}`, '"writer":2147483646'));
        await writeFile(`${file}.rows`, text.subarray(0, Math.floor(rowsBytes)));
        await writeFile(`${file}.index`, index.subarray(0, indexBytes));
        const reader = await SpoolReader.open(file);
        const status = await reader.status();
        const whole = text.subarray(0, Math.floor(rowsBytes)).lastIndexOf(10) + 1;
        assert.equal(status.bytes, whole);
        assert.equal(status.complete, false);
        assert.equal(status.stopped, 'error');
        assert.equal(status.dropped, whole < Math.floor(rowsBytes) ? 1 : 0);
        assert.deepEqual(status.fault, {
          code: 'rows.interrupted',
          params: { rows: status.rows, partial: status.dropped === 1 },
        });
        assert.deepEqual(await reader.rows(0, 1e6), rows.slice(0, status.rows));
        await reader.close();
      }
      await rm(`${file}.index`);
      const reader = await SpoolReader.open(file);
      await reader.close();
    });
  });

  it('is not interrupted while its writer on another computer is known to be alive', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'a');
      const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
      const record = await readFile(`${file}.json`, 'utf8');
      await writer.abort();
      // No process has this id here.
      await writeFile(`${file}.json`, record.replace(`"writer":${process.pid}`, '"writer":2147483646'));
      let growing = true;
      const reader = await SpoolReader.open(file, [], () => growing);
      assert.equal((await reader.status()).stopped, undefined);
      growing = false;
      assert.equal((await reader.status()).stopped, 'error');
      await reader.close();
    });
  });

  it('reports missing rows if the file has become shorter', async () => {
    await withFolder(async (folder) => {
      const file = join(folder, 'a');
      const writer = await SpoolWriter.create(file, TWO_COLUMNS, NO_LIMITS);
      await send(writer, text);
      await writer.finish();
      const reader = await SpoolReader.open(file);
      await truncate(`${file}.rows`, 1000);
      await assert.rejects(reader.rows(4000, 10), {
        fault: { code: 'rows.truncated', params: { file: `${file}.rows` } },
      });
      await assert.rejects(async () => {
        for await (const block of reader.blocks()) assert.ok(block);
      }, /rows\.truncated/);
      await reader.close();
    });
  });

  it('rejects files that are not a spool', async () => {
    await withFolder(async (folder) => {
      await assert.rejects(SpoolReader.open(join(folder, 'none')), /ENOENT/);
      await writeFile(join(folder, 'other.json'), '{"version":2}');
      await assert.rejects(SpoolReader.open(join(folder, 'other')), /ENOENT/);
      await writeFile(join(folder, 'null.json'), 'null');
      await assert.rejects(SpoolReader.open(join(folder, 'null')), /ENOENT/);
    });
  });
});
