import assert from 'node:assert/strict';
import type { SeenActivity } from '../../../src/core/jobs/activity/activityWatch';
import type { WorkerInspection } from '../../../src/core/jobs/activity/inspection';
import { activityView } from '../../../src/host/activity/activityView';
import type { ActivitySection, ActivityView } from '../../../src/shared/activityProtocol';

const FOUND: WorkerInspection = {
  state: 'active',
  waitEventType: 'Lock',
  waitEvent: 'relation',
  parallel: [],
  progress: [],
  locks: [],
  lockCount: 0,
  tempFiles: { missing: 'pg_monitor' },
  chain: [],
  role: 'App',
};

describe('the view of a worker’s activity', () => {
  const view = (found: Partial<WorkerInspection>, seen: Partial<SeenActivity> = {}): ActivityView =>
    activityView(
      7,
      { inspection: { ...FOUND, ...found }, worker: undefined, samples: [], ...seen },
      { settings: [], withStatement: false },
    );
  const section = ({ sections }: ActivityView, id: string): ActivitySection | undefined =>
    sections.find((one) => one.id === id);

  it('explains a wait with the server’s words, and otherwise with its own', () => {
    assert.equal(view({ waitDescription: 'Waiting to acquire' }).explanation, 'Waiting to acquire');
    assert.equal(view({}).explanation, 'It waits for a lock on a table or an index.');
    assert.equal(view({ waitEvent: 'unheardOf' }).explanation, '');
  });

  it('names the GRANT that a role needs to see more', () => {
    const value = section(view({}), 'state')?.facts?.find(({ label }) => label === 'Temporary files')?.value;
    assert.match(value ?? '', /GRANT pg_monitor TO "App";$/);
  });

  it('offers no signal to a process that the role may not see, and says what it needs', () => {
    const [hidden] = section(view({ chain: [{ pid: 9, blocks: [7], user: 'ada' }] }), 'chain')?.chain ?? [];
    assert.deepEqual([hidden?.title, hidden?.actions], ['pid 9 · ada', []]);
    assert.match(hidden?.note ?? '', /GRANT pg_read_all_stats TO "App";$/);
  });

  it('offers only to terminate a session that runs no statement', () => {
    const session = { pid: 9, blocks: [7], backendStart: 'x', backendType: 'client backend' };
    const actions = (state: string): (string | undefined)[] =>
      section(view({ chain: [{ ...session, state }] }), 'chain')?.chain?.[0]?.actions.map(({ signal }) => signal) ?? [];
    assert.deepEqual(actions('active'), ['cancel', 'terminate']);
    assert.deepEqual(actions('idle in transaction'), ['terminate']);
  });

  it('counts the processes that block it and are not listed', () => {
    const chain = [{ pid: 9, blocks: [7] }];
    assert.equal(section(view({ chain }), 'chain')?.note, '');
    assert.match(section(view({ chain, chainMore: 40 }), 'chain')?.note ?? '', /^40 more processes/);
  });

  it('says that the server does not track activities', () => {
    const { parallel, progress, locks, lockCount, chain, role } = FOUND;
    const seen = { inspection: { state: 'disabled', parallel, progress, locks, lockCount, chain, role } };
    assert.match(view({}, seen).explanation, /track_activities is off/);
  });

  it('warns if others wait for the worker', () => {
    const worker = { pid: 7, backendStart: '', label: '', blockers: [], blocking: [8, 9] };
    assert.match(view({}, { worker }).warning, /^2 other sessions .* \(pids 8, 9\)\.$/);
  });

  it('shows that the worker has ended, or why the server could not be asked', () => {
    assert.equal(view({}, { inspection: undefined }).title, 'The worker has ended.');
    const failed = view({}, { inspection: undefined, error: new Error('no route') });
    assert.equal(failed.title, 'The server could not be asked.');
    assert.match(failed.explanation, /no route/);
  });
});
