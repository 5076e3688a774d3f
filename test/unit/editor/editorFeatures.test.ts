import { EventEmitter, window, workspace } from '../../vscodeStandIn';
import assert from 'node:assert/strict';
import { setImmediate } from 'node:timers/promises';
import type { Job } from '../../../src/core/jobs/job';
import { EditorFeatures } from '../../../src/host/editor/editorFeatures';
import type { SqlEditors } from '../../../src/host/editor/sqlEditors';

const documentOf = (uri: string, languageId: string) => ({ uri, languageId, isUntitled: false });

function jobOf(id: string, facts: { readonly uri?: string; readonly final?: boolean } = {}): Job {
  const { uri, final = true } = facts;
  return { id, final, record: uri === undefined ? {} : { source: { uri } } } as unknown as Job;
}

function newWindow(...documents: ReturnType<typeof documentOf>[]) {
  const [opened, closed] = [new EventEmitter(), new EventEmitter()];
  const [renamed, rerun] = [new EventEmitter(), new EventEmitter()];
  window['activeTextEditor'] = undefined;
  Object.assign(workspace, {
    textDocuments: documents,
    onDidOpenTextDocument: opened.event,
    onDidCloseTextDocument: closed.event,
  });
  const known = new Map<string, Job>();
  const memory = new Map<string, unknown>();
  const calls: string[] = [];
  const errors: string[] = [];
  const world = { loads: 0, fail: false };
  const editors = {
    restore: (jobs: readonly Job[]) => calls.push(`restore ${jobs.map(({ id }) => id).join()}`),
    repeat: ({ from, to }: { from: string; to: string }) => calls.push(`repeat ${from} ${to}`),
    jobsAtCursor: () => ['j'],
    failureLocation: () => Promise.resolve(undefined),
    dispose: () => calls.push('dispose'),
  };
  const parts = {
    jobs: { get: (id: string) => known.get(id) },
    connections: { onDidRename: renamed.event },
    launcher: { onDidRerun: rerun.event },
    memory: {
      get: (key: string, preset: unknown) => memory.get(key) ?? preset,
      update: (key: string, value: unknown) => Promise.resolve(void memory.set(key, value)),
    },
  } as unknown as ConstructorParameters<typeof EditorFeatures>[0];
  const log = { error: (message: string) => errors.push(message) } as unknown as ConstructorParameters<
    typeof EditorFeatures
  >[1];
  const features = new EditorFeatures(parts, log, async () => {
    world.loads++;
    await setImmediate();
    if (world.fail) throw new Error('torn');
    return editors as unknown as SqlEditors;
  });
  /** The window has read the jobs of earlier sessions. */
  const restore = (...jobs: Job[]): void => {
    for (const job of jobs) known.set(job.id, job);
    features.restore(jobs);
  };
  return { features, world, calls, errors, known, memory, restore, opened, renamed, rerun };
}

const settle = async (): Promise<void> => {
  await setImmediate();
  await setImmediate();
};

describe('the features for SQL editors', () => {
  it('are not loaded in a window without SQL, whatever it ran before', async () => {
    const { features, world, restore, opened } = newWindow(documentOf('a.md', 'markdown'));
    restore(jobOf('j', { uri: 'b.md' }), jobOf('fromCode', { final: false }));
    opened.fire(documentOf('c.md', 'markdown'));
    await settle();
    assert.equal(world.loads, 0);
    assert.deepEqual(await features.jobsAtCursor(undefined), [], 'no editor is active');
    assert.equal(world.loads, 0);
  });

  it('are loaded once, by an SQL document that is open or is opened', async () => {
    const early = newWindow(documentOf('a.sql', 'sql'));
    early.restore(jobOf('j', { uri: 'a.sql' }));
    early.opened.fire(documentOf('b.sql', 'postgres'));
    await settle();
    assert.deepEqual([early.world.loads, early.calls], [1, ['restore j']]);
    const late = newWindow();
    late.restore(jobOf('j', { uri: 'a.sql' }), jobOf('removed', { uri: 'a.sql' }));
    late.known.delete('removed');
    late.opened.fire(documentOf('b.sql', 'plpgsql'));
    await settle();
    assert.deepEqual([late.world.loads, late.calls], [1, ['restore j']]);
  });

  it('are loaded with another document from which a restored job was launched, and for one that still runs', async () => {
    const { world, calls, restore, opened } = newWindow();
    restore(jobOf('j', { uri: 'notes.md' }));
    opened.fire(documentOf('notes.md', 'markdown'));
    await settle();
    assert.deepEqual([world.loads, calls], [1, ['restore j']]);
    const running = newWindow();
    running.restore(jobOf('j', { uri: 'notes.md', final: false }));
    await settle();
    assert.deepEqual([running.world.loads, running.calls], [1, ['restore j']]);
    const open = newWindow(documentOf('notes.md', 'markdown'));
    open.restore(jobOf('j', { uri: 'notes.md' }));
    await settle();
    assert.deepEqual([open.world.loads, open.calls], [1, ['restore j']]);
  });

  it('show a restored job that is run again before they are loaded, and ignore others', async () => {
    const { world, calls, restore, rerun } = newWindow();
    restore(jobOf('j', { uri: 'a.sql' }), jobOf('fromCode'));
    rerun.fire({ from: 'fromCode', to: 'x' });
    await settle();
    assert.equal(world.loads, 0);
    rerun.fire({ from: 'j', to: 'k' });
    await settle();
    rerun.fire({ from: 'k', to: 'l' });
    assert.deepEqual(calls, ['restore j', 'repeat j k', 'repeat k l']);
  });

  it('are disposed at once if the window closes while they are loaded', async () => {
    const { features, calls, errors, restore } = newWindow(documentOf('a.sql', 'sql'));
    restore(jobOf('j', { uri: 'a.sql' }));
    features.dispose();
    await settle();
    assert.deepEqual([calls, errors], [['dispose'], []]);
  });

  it('log why they could not be loaded, and are loaded again for the next document', async () => {
    const { features, world, calls, errors, opened } = newWindow();
    world.fail = true;
    opened.fire(documentOf('a.sql', 'sql'));
    await settle();
    assert.equal(errors.length, 1);
    assert.match(errors[0] ?? '', /torn/);
    await assert.rejects(features.commands(), /torn/);
    world.fail = false;
    opened.fire(documentOf('b.sql', 'sql'));
    await settle();
    assert.deepEqual([errors.length, calls], [1, ['restore ']]);
  });

  it('keep the connections of files when a connection is renamed, even if they are not loaded', async () => {
    const { world, memory, renamed } = newWindow();
    memory.set('fileDefaults', { 'a.sql': { connection: 'old' }, 'b.sql': { connection: 'other' } });
    renamed.fire({ from: 'old', to: 'new' });
    await settle();
    assert.deepEqual(memory.get('fileDefaults'), { 'a.sql': { connection: 'new' }, 'b.sql': { connection: 'other' } });
    assert.equal(world.loads, 0);
  });
});
