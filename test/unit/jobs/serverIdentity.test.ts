import assert from 'node:assert/strict';
import { isWorkerOf } from '../../../src/core/jobs/findWorker';
import { compareServers, type ServerIdentity } from '../../../src/core/jobs/serverIdentity';

const PRIMARY: ServerIdentity = {
  start: '2026-01-02T00:00:00.000001Z',
  system: '1',
  timeline: '00000001',
  address: '10.0.0.1:5432',
  dataDirectory: '/data',
};
const LATER = '2026-01-03T00:00:00.000001Z';
const without = (identity: ServerIdentity, ...names: (keyof ServerIdentity)[]): ServerIdentity =>
  Object.fromEntries(
    Object.entries(identity).filter(([name]) => !names.includes(name as keyof ServerIdentity)),
  ) as unknown as ServerIdentity;

describe('the identity of a server', () => {
  it('stays the same after a promotion, at another address, and if another role sees less of it', () => {
    for (const now of [
      PRIMARY,
      { ...PRIMARY, timeline: '00000002' },
      { ...PRIMARY, address: '[::1]:5432' },
      without(PRIMARY, 'timeline', 'address'),
      { start: PRIMARY.start },
    ]) {
      assert.equal(compareServers(PRIMARY, now), 'same');
      assert.equal(compareServers(now, PRIMARY), 'same');
    }
  });

  it('is that of a restarted server if the system and the timeline match, even at another address', () => {
    assert.equal(compareServers(PRIMARY, { ...PRIMARY, start: LATER }), 'restarted');
    assert.equal(compareServers(PRIMARY, { ...PRIMARY, start: LATER, address: '10.0.0.9:5432' }), 'restarted');
    assert.equal(compareServers({ start: PRIMARY.start }, { ...PRIMARY, start: LATER }), 'restarted', 'an old record');
  });

  it('differs for another system, a standby of the same system, and a server that was started before the worker', () => {
    const now = { ...PRIMARY, start: LATER };
    assert.equal(compareServers(PRIMARY, { ...PRIMARY, system: '2' }), 'other', 'even with the same start');
    assert.equal(compareServers(PRIMARY, { ...now, system: '2' }), 'other');
    assert.equal(compareServers(PRIMARY, without(now, 'timeline')), 'other', 'a standby');
    assert.equal(compareServers(PRIMARY, { ...now, timeline: '00000002' }), 'other', 'a standby that was promoted');
    assert.equal(compareServers(PRIMARY, now, '2026-01-03T00:00:00.000002Z'), 'other');
    assert.equal(compareServers(now, PRIMARY), 'other', 'the server was started before the worker');
    const standby = without(PRIMARY, 'timeline');
    assert.equal(compareServers(standby, { ...standby, start: LATER, dataDirectory: '/other' }), 'other');
    assert.equal(compareServers(standby, { ...standby, start: LATER, address: '10.0.0.2:5432' }), 'other');
    assert.equal(compareServers(standby, { ...standby, start: LATER }), 'restarted');
  });

  it('decides whether a pid belongs to the same worker', () => {
    const worker = { pid: 7, backendStart: 'b' };
    assert.equal(isWorkerOf({ pid: 7, backendStart: 'b', server: PRIMARY }, worker, PRIMARY), true);
    assert.equal(
      isWorkerOf({ pid: 7, server: PRIMARY }, worker, PRIMARY),
      true,
      'the start of the worker is not known yet',
    );
    assert.equal(isWorkerOf({ pid: 7, server: PRIMARY }, worker, { ...PRIMARY, system: '2' }), false);
    assert.equal(isWorkerOf({ pid: 7, serverStart: 'x' }, worker, PRIMARY), false);
    assert.equal(isWorkerOf({ pid: 7, backendStart: 'a', server: PRIMARY }, worker, PRIMARY), false);
    assert.equal(isWorkerOf({}, worker, PRIMARY), false);
  });
});
