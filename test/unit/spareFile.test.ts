import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SpareFile } from '../../src/core/base/spareFile';

describe('a spare file', () => {
  let folder: string;
  let file: string;
  let spare: SpareFile;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-spare-'));
    file = join(folder, 'a.json');
    spare = new SpareFile(folder, 'spare');
  });
  afterEach(async () => {
    await spare.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function spareNames(): Promise<string[]> {
    return (await readdir(folder)).filter((name) => name.startsWith('spare.'));
  }

  async function written(): Promise<unknown> {
    return JSON.parse(await readFile(file, 'utf8'));
  }

  it('becomes the new content, whole and private to the user', async () => {
    for (const value of ['first', 'a longer second', 'ü']) {
      await spare.prepare();
      const [name] = await spareNames();
      const { ino } = await stat(join(folder, name!));
      await spare.replace(file, JSON.stringify({ value }));
      assert.deepEqual(await written(), { value });
      assert.deepEqual(await spareNames(), []);
      if (process.platform === 'win32') continue;
      const { ino: now, mode } = await stat(file);
      assert.deepEqual([now, mode & 0o777], [ino, 0o600]);
    }
  });

  it('exists once, however often it is prepared', async () => {
    await Promise.all([spare.prepare(), spare.prepare()]);
    await spare.prepare();
    assert.equal((await spareNames()).length, 1);
  });

  it('is not needed', async () => {
    await spare.replace(file, '{"at":1}');
    assert.deepEqual(await written(), { at: 1 });
    assert.deepEqual(await readdir(folder), ['a.json']);
  });

  it('is used by one of two writes at the same time', async () => {
    await spare.prepare();
    const other = join(folder, 'b.json');
    await Promise.all([spare.replace(file, '{"at":1}'), spare.replace(other, '{"at":2}')]);
    assert.deepEqual(await written(), { at: 1 });
    assert.equal(await readFile(other, 'utf8'), '{"at":2}');
  });

  it('is not used for a text that does not fit', async () => {
    await spare.prepare();
    const value = 'ü'.repeat(2048);
    await spare.replace(file, JSON.stringify({ value }));
    assert.deepEqual(await written(), { value });
    assert.equal((await spareNames()).length, 1);
  });

  it('is replaced by a new file if another process removed it, or its folder', async () => {
    await spare.prepare();
    await rm(join(folder, (await spareNames())[0]!));
    await spare.replace(file, '{"at":1}');
    assert.deepEqual(await written(), { at: 1 });
    await spare.prepare();
    await rm(folder, { recursive: true });
    await assert.rejects(spare.replace(file, '{"at":2}'), { code: 'ENOENT' });
    await spare.prepare();
    await mkdir(folder);
    await spare.prepare();
    await spare.replace(file, '{"at":3}');
    assert.deepEqual(await written(), { at: 3 });
  });

  it('leaves the old content, and nothing else, if the new one cannot be written', async () => {
    await mkdir(file);
    await spare.prepare();
    await assert.rejects(spare.replace(file, '{"at":1}'));
    assert.ok((await stat(file)).isDirectory());
    assert.deepEqual(await readdir(folder), ['a.json']);
  });

  it('is removed at the end, and not created again', async () => {
    const preparing = spare.prepare();
    await spare.close();
    await preparing;
    await spare.prepare();
    assert.deepEqual(await readdir(folder), []);
  });
});
