import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { newRecord, type JobRecord } from '../../../src/core/jobs/job';
import { OtherWorkspaces } from '../../../src/core/jobs/workspaces/otherWorkspaces';
import { listWorkspace, workspacesIn } from '../../../src/core/jobs/workspaces/workspaceList';

const SERVER = { start: 's1', system: '1' };

describe('jobs of other workspaces', () => {
  let parent = '';
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), 'pgbg-workspaces-'));
  });
  afterEach(() => rm(parent, { recursive: true, force: true }));

  const list = async (key: string, name: string): Promise<void> => {
    const folder = join(parent, key);
    await mkdir(join(folder, 'jobs'), { recursive: true });
    await listWorkspace({ key, name, folder }, 1);
  };
  const write = async (key: string, id: string, facts: Partial<JobRecord> = {}, epoch = ''): Promise<void> => {
    const record = {
      ...newRecord(id, { sql: 'SELECT secret', label: `label ${id}`, connection: 'c' }, 'w', 1),
      ...facts,
    };
    await writeFile(join(parent, key, 'jobs', `${id}${epoch}.json`), JSON.stringify(record));
  };
  const running = { state: 'running', pid: 7, backendStart: 'b', server: SERVER } as const;
  const found = (others: OtherWorkspaces): string[] =>
    others.jobs.map(({ workspace, record }) => `${workspace.name}: ${record.id} ${record.state}`);
  /** Every file below the folder, with its content. */
  const files = async (): Promise<string[]> => {
    const entries = await readdir(parent, { recursive: true, withFileTypes: true });
    const names = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    return Promise.all(names.sort().map(async (name) => `${name} ${await readFile(name, 'utf8')}`));
  };

  it('are found by the list of workspaces, which contains no SQL, and not those of this workspace', async () => {
    await list('aa', 'sales');
    await list('bb', 'own');
    await write('aa', 'one', running);
    await write('bb', 'two');
    assert.ok(!(await readFile(join(parent, 'aa.json'), 'utf8')).includes('secret'));
    const others = new OtherWorkspaces(parent, 'bb');
    assert.deepEqual(others.jobs, [], 'nothing is read before it is asked for');
    await others.refresh();
    assert.deepEqual(found(others), ['sales: one running']);
    assert.equal(others.get('two'), undefined);
  });

  it('are read in their newest epoch, and again while they run', async () => {
    await list('aa', 'sales');
    await write('aa', 'one', { state: 'queued' });
    await write('aa', 'one', running, '.1');
    await write('aa', 'done', { state: 'succeeded' });
    const others = new OtherWorkspaces(parent, 'bb');
    await others.refresh();
    assert.deepEqual(found(others).sort(), ['sales: done succeeded', 'sales: one running']);
    await write('aa', 'one', { ...running, state: 'failed' }, '.1');
    await rm(join(parent, 'aa', 'jobs', 'done.json'));
    await others.refresh();
    assert.deepEqual(found(others), ['sales: one failed']);
  });

  it('are read again only if they have changed', async () => {
    await list('aa', 'sales');
    await write('aa', 'one', running);
    await write('aa', 'two', running);
    const others = new OtherWorkspaces(parent, 'bb');
    await others.refresh();
    const { jobs } = others;
    await others.refresh();
    assert.equal(others.jobs, jobs, 'the same list');
    // As a window does it: the record is replaced.
    await write('aa', 'two', { ...running, state: 'failed' }, '.new');
    await rename(join(parent, 'aa', 'jobs', 'two.new.json'), join(parent, 'aa', 'jobs', 'two.json'));
    await others.refresh();
    assert.deepEqual(found(others).sort(), ['sales: one running', 'sales: two failed']);
    assert.equal(others.get('one')?.record, jobs.find(({ record }) => record.id === 'one')?.record);
    // A folder that has not changed for a while is not even listed, whatever happened inside its files.
    const before = new Date(Date.now() - 60_000);
    const old = async (): Promise<void> => utimes(join(parent, 'aa', 'jobs'), before, before);
    await old();
    await others.refresh();
    await write('aa', 'three', running);
    await old();
    await others.refresh();
    assert.equal(others.get('three'), undefined);
    await utimes(join(parent, 'aa', 'jobs'), new Date(), new Date());
    await others.refresh();
    assert.notEqual(others.get('three'), undefined);
  });

  it('match a worker only with its server, pid, and start', async () => {
    await list('aa', 'sales');
    await write('aa', 'one', running);
    await write('aa', 'old', { state: 'running', pid: 8, server: SERVER });
    const others = new OtherWorkspaces(parent, 'bb');
    await others.refresh();
    const job = others.jobOf({ pid: 7, backendStart: 'b' }, SERVER);
    assert.deepEqual([job?.workspace.name, job?.record.label], ['sales', 'label one']);
    assert.equal(others.jobOf({ pid: 7, backendStart: 'later' }, SERVER), undefined);
    assert.equal(others.jobOf({ pid: 7, backendStart: 'b' }, { start: 's2', system: '2' }), undefined);
    assert.equal(others.jobOf({ pid: 8, backendStart: 'b' }, SERVER), undefined);
  });

  it('are never written, and neither damaged files nor folders that disappear are a failure', async () => {
    await list('aa', 'sales');
    await list('cc', 'gone');
    await write('aa', 'one', running);
    await write('cc', 'two', running);
    await writeFile(join(parent, 'aa', 'jobs', 'bad.json'), '{');
    await writeFile(join(parent, 'aa', 'jobs', 'x.json.1234.tmp'), '');
    await writeFile(join(parent, 'dd.json'), '{"name":1}');
    await writeFile(join(parent, 'ee.json'), 'nonsense');
    const before = await files();
    const others = new OtherWorkspaces(parent, 'bb');
    await others.refresh();
    assert.equal(others.jobs.length, 2);
    assert.deepEqual(await files(), before);
    await rm(join(parent, 'cc'), { recursive: true });
    await others.refresh();
    assert.deepEqual(found(others), ['sales: one running']);
    assert.deepEqual(
      (await workspacesIn(parent)).map(({ name }) => name),
      ['sales'],
    );
    await rm(parent, { recursive: true });
    await others.refresh();
    assert.deepEqual(others.jobs, []);
  });
});
