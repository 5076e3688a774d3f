import assert from 'node:assert/strict';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { claimEpoch } from '../../../src/core/jobs/store/claim';
import { highestEpochs, isSuperseded, parseRecordFileName, recordFileName } from '../../../src/core/jobs/store/epochs';

describe('epochs of records', () => {
  let folder = '';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-epochs-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it('are part of the file name, except the first, which older versions read', () => {
    assert.equal(recordFileName('a-b', 0), 'a-b.json');
    assert.equal(recordFileName('a-b', 12), 'a-b.12.json');
    assert.deepEqual(parseRecordFileName('a-b.json'), { id: 'a-b', epoch: 0 });
    assert.deepEqual(parseRecordFileName('a-b.12.json'), { id: 'a-b', epoch: 12 });
    for (const other of [
      'a.0.json',
      'a.01.json',
      'a.rows.json',
      'a.json.tmp',
      'a.notices.ndjson',
      '.json',
      'a.1.2.json',
    ]) {
      assert.equal(parseRecordFileName(other), undefined, other);
    }
    assert.deepEqual(
      [...highestEpochs(['a.json', 'a.2.json', 'a.1.json', 'b.json', 'c.rows'])],
      [
        ['a', 2],
        ['b', 0],
      ],
    );
  });

  it('are claimed by exactly one of many windows', async () => {
    await writeFile(join(folder, 'job.json'), '{}');
    assert.equal(await isSuperseded(folder, 'job', 0), false);
    const claims = await Promise.all(
      Array.from({ length: 20 }, (_, window) => claimEpoch(folder, 'job', 1, JSON.stringify({ window }))),
    );
    assert.equal(claims.filter(Boolean).length, 1);
    assert.deepEqual(JSON.parse(await readFile(join(folder, 'job.1.json'), 'utf8')), { window: claims.indexOf(true) });
    assert.equal(await isSuperseded(folder, 'job', 0), true);
    assert.deepEqual((await readdir(folder)).sort(), ['job.1.json', 'job.json']);
  });
});
