import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpoolReader, SpoolWriter } from '../../../src/core/results/spool/spool';
import { describeFault } from '../../../src/core/base/fault';
import { orderRows } from '../../../src/core/results/query/order';
import { encodeLine } from '../../../src/shared/rowCodec';
import type { ToPage } from '../../../src/shared/resultsProtocol';
import type { FromPage } from '../../../src/shared/resultsRequests';
import { FindSession } from '../../../src/host/results/findSession';
import { RowsService, StaleViewError } from '../../../src/host/results/rowsService';
import type { ResultsSource } from '../../../src/host/results/rowSource';

const ROWS = 1_000;
const COLUMNS = [
  { name: 'id', type: 'integer' },
  { name: 'name', type: 'text' },
  { name: 'long', type: 'text' },
];

function sourceOf(file: string): ResultsSource {
  const nothing = { dispose: (): void => undefined };
  return {
    job: () => undefined,
    onDidChange: () => nothing,
    onDidRemove: () => nothing,
    rows: () => SpoolReader.open(file),
    notices: () => [],
    noticesNotHeld: () => 0,
    fullText: () => undefined,
    errorPlace: () => Promise.resolve(undefined),
    cancel: () => undefined,
    rerun: () => undefined,
  };
}

describe('the rows of a results panel', () => {
  let folder: string;
  let service: RowsService;
  const never = new AbortController().signal;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-rows-'));
    const file = join(folder, 'job');
    const writer = await SpoolWriter.create(file, COLUMNS, { maxRows: 0, maxBytes: 0 });
    for (let row = 0; row < ROWS; row++) {
      const name = row % 10 === 0 ? null : `name ${row % 7}`;
      writer.stream.write(`${encodeLine([row.toString(), name, row === 3 ? 'é'.repeat(5_000) : 'short'])}\n`);
    }
    await new Promise<void>((done) => writer.stream.end(done));
    await writer.finish();
    service = new RowsService(sourceOf(file), 'job', describeFault);
  });
  after(async () => {
    service.dispose();
    await rm(folder, { recursive: true, force: true });
  });

  it('reads tiles, and cuts long values with their length', async () => {
    const [tile] = await service.tiles(0, [{ row: 0, rows: 128, column: 1, columns: 2 }], never);
    assert.equal(tile?.cells.length, 128);
    assert.deepEqual(tile.cells[0], [null, 'short']);
    assert.deepEqual(tile.cells[3], ['name 3', { cut: 'é'.repeat(300), length: 5_000 }]);
    const [last] = await service.tiles(0, [{ row: 960, rows: 128, column: 0, columns: 1 }], never);
    assert.deepEqual(last?.cells.at(-1), ['999']);
  });

  it('reads whole values, and recognizes numbers', async () => {
    assert.equal(await service.cell(0, { row: 3, column: 2 }), 'é'.repeat(5_000));
    assert.equal(await service.cell(0, { row: 0, column: 1 }), null);
    assert.deepEqual(
      (await service.columns()).map(({ numeric }) => numeric),
      [true, false, false],
    );
    assert.deepEqual((await service.status()).rows, ROWS);
  });

  it('reports the setting that limited the rows', async () => {
    for (const [limits, limit] of [
      [{ maxRows: 2, maxBytes: 0 }, 'maxRows'],
      [{ maxRows: 0, maxBytes: 20 }, 'maxMegabytes'],
    ] as const) {
      const file = join(folder, limit);
      const writer = await SpoolWriter.create(file, COLUMNS, limits);
      await new Promise<void>((done) => writer.stream.end('1\ta\tb\n2\ta\tb\n3\ta\tb\n4\ta\tb\n', done));
      await writer.finish();
      const limited = new RowsService(sourceOf(file), 'job', describeFault);
      const { rows, dropped, limit: reported, message } = await limited.status();
      assert.deepEqual([rows + dropped, reported, message], [4, limit, undefined]);
      assert.ok(rows > 0 && dropped > 0);
      limited.dispose();
    }
  });

  it('reads a view in its order, and rejects a replaced one', async () => {
    const reader = await service.reader();
    assert.ok(reader);
    const { order } = await orderRows(reader, [{ column: 0, direction: 'descending' }], []);
    service.setView(1, order);
    const [tile] = await service.tiles(1, [{ row: 0, rows: 2, column: 0, columns: 1 }], never);
    assert.deepEqual(tile?.cells, [['999'], ['998']]);
    assert.equal(await service.cell(1, { row: 1, column: 0 }), '998');
    service.setView(2, order);
    await assert.rejects(service.tiles(1, [{ row: 0, rows: 2, column: 0, columns: 1 }], never), StaleViewError);
  });

  it('stops reading tiles when aborted', async () => {
    const abort = new AbortController();
    abort.abort();
    await assert.rejects(service.tiles(0, [{ row: 0, rows: 1, column: 0, columns: 1 }], abort.signal), {
      name: 'AbortError',
    });
  });

  /** Runs a search to its end, then steps. @returns what was posted to the page */
  async function search(
    query: Partial<Extract<FromPage, { type: 'find' }>>,
    steps: readonly Partial<Extract<FromPage, { type: 'findStep' }>>[],
  ): Promise<{ count: number; done: boolean; message: string | undefined; at: (readonly [number, number, number])[] }> {
    const posted: ToPage[] = [];
    const session = new FindSession(
      { type: 'find', find: 5, view: 0, text: '', matchCase: false, regex: false, columns: [0, 1, 2], ...query },
      service,
      (message) => posted.push(message),
      String,
    );
    await session.run();
    const from = { row: 0, column: 0 };
    steps.forEach((step, request) =>
      session.step({ type: 'findStep', find: 5, request, from, here: false, back: false, ...step }),
    );
    const last = posted.filter((message) => message.type === 'find').at(-1);
    const at = posted.flatMap((message) =>
      message.type === 'findAt' && message.at ? [[message.index, message.at.row, message.at.column] as const] : [],
    );
    return { count: last?.count ?? -1, done: last?.done ?? false, message: last?.message, at };
  }

  it('finds in all rows, and steps in both directions and around the ends', async () => {
    const found = await search({ text: 'NAME 3' }, [
      { from: { row: 3, column: 1 }, here: true },
      { from: { row: 3, column: 1 } },
      { from: { row: 3, column: 1 }, back: true },
      { from: { row: 998, column: 2 } },
    ]);
    const rows = Array.from({ length: ROWS }, (_, row) => row).filter((row) => row % 10 !== 0 && row % 7 === 3);
    assert.equal(found.count, rows.length);
    assert.deepEqual(found.at, [
      [0, 3, 1],
      [1, 17, 1],
      [rows.length - 1, rows.at(-1), 1],
      [0, 3, 1],
    ]);
  });

  it('counts only matches in shown columns, in the order of the view', async () => {
    assert.equal((await search({ text: 'name 3', columns: [0] }, [])).count, 0);
    const reader = await service.reader();
    assert.ok(reader);
    const { order } = await orderRows(reader, [{ column: 0, direction: 'descending' }], []);
    service.setView(7, order);
    const found = await search({ text: '99', view: 7, columns: [0] }, [
      { here: true },
      { from: { row: 0, column: 0 } },
    ]);
    assert.deepEqual(found.at, [
      [0, 0, 0],
      [1, 1, 0],
    ]);
  });

  it('reports an invalid regular expression', async () => {
    const found = await search({ text: '(', regex: true }, []);
    assert.ok(found.done);
    assert.match(found.message ?? '', /rows\.badRegex/);
  });
});
