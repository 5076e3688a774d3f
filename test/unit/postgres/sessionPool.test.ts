import assert from 'node:assert/strict';
import {
  SessionPool,
  type PooledSession,
  type SessionPoolOptions,
} from '../../../src/core/postgres/server/sessionPool';
import { FakeClock, settle } from '../jobs/fakes';

class FakeSession implements PooledSession {
  closed = false;
  ended = false;
  onServer = true;

  end(): Promise<void> {
    this.ended = true;
    this.closed = true;
    return Promise.resolve();
  }

  destroy(): void {
    this.closed = true;
  }
}

interface Subject {
  readonly pool: SessionPool<FakeSession>;
  readonly clock: FakeClock;
  /** All sessions that were opened. */
  readonly opened: FakeSession[];
  readonly logged: string[];
}

const MINUTES = 60_000;

function newPool(options: Partial<SessionPoolOptions<FakeSession>> = {}): Subject {
  const clock = new FakeClock();
  const opened: FakeSession[] = [];
  const logged: string[] = [];
  const pool = new SessionPool<FakeSession>({
    clock,
    log: (message) => logged.push(message),
    warmSessions: 0,
    open: () => {
      const session = new FakeSession();
      opened.push(session);
      return Promise.resolve(session);
    },
    isUsable: (session) => session.onServer,
    mayOpen: () => Promise.resolve(true),
    closedError: () => new Error('closed'),
    ...options,
  });
  return { pool, clock, opened, logged };
}

describe('session pool', () => {
  it('opens a session for the first job and reuses it for the next', async () => {
    const { pool, opened } = newPool();
    const session = await pool.acquire();
    pool.release(session);
    assert.equal(await pool.acquire(), session);
    assert.equal(opened.length, 1);
  });

  it('gives each of several jobs its own session', async () => {
    const { pool } = newPool();
    assert.notEqual(await pool.acquire(), await pool.acquire());
    assert.equal(pool.size, 2);
  });

  it('opens sessions in advance a moment after a launch', async () => {
    const { pool, clock, opened } = newPool({ warmSessions: 2 });
    await pool.acquire();
    assert.equal(opened.length, 1, 'not during the launch');
    await clock.move(200);
    assert.equal(opened.length, 3);
    await pool.acquire();
    assert.equal(opened.length, 3, 'an open session was used');
    await clock.move(200);
    assert.equal(opened.length, 4);
  });

  it('opens none in advance while the server may be unreachable', async () => {
    for (const mayOpen of [() => Promise.resolve(false), () => Promise.reject(new Error('unreachable'))]) {
      const { pool, clock, opened } = newPool({ warmSessions: 2, mayOpen });
      await pool.acquire();
      await clock.move(1000);
      assert.equal(opened.length, 1);
    }
  });

  it('logs a session that could not be opened in advance, and opens one for the next job', async () => {
    let failures = 0;
    const { pool, clock, logged, opened } = newPool({
      warmSessions: 1,
      open: () => {
        if (opened.length === 1 && failures++ === 0) return Promise.reject(new Error('too many connections'));
        opened.push(new FakeSession());
        return Promise.resolve(opened.at(-1)!);
      },
    });
    await pool.acquire();
    await clock.move(200);
    assert.deepEqual(logged, ['could not open a session in advance: too many connections']);
    await pool.acquire();
    assert.equal(opened.length, 2);
  });

  it('keeps as many idle sessions as configured, at least one, and ends the others', async () => {
    for (const [warmSessions, kept] of [
      [0, 1],
      [2, 2],
    ] as const) {
      const { pool } = newPool({ warmSessions });
      const sessions = [await pool.acquire(), await pool.acquire(), await pool.acquire()];
      for (const session of sessions) pool.release(session);
      assert.equal(sessions.filter(({ ended }) => !ended).length, kept);
    }
  });

  it('ends an idle session after five minutes', async () => {
    const { pool, clock } = newPool();
    const session = await pool.acquire();
    pool.release(session);
    await clock.move(5 * MINUTES - 1);
    assert.ok(!session.ended);
    await clock.move(1);
    assert.ok(session.ended);
    assert.notEqual(await pool.acquire(), session);
  });

  it('does not end a session that a job uses, however long', async () => {
    const { pool, clock } = newPool();
    const session = await pool.acquire();
    pool.release(session);
    await pool.acquire();
    await clock.move(60 * MINUTES);
    assert.ok(!session.ended);
  });

  it('does not give out a session that has closed while it was idle', async () => {
    const { pool } = newPool({ warmSessions: 2 });
    const sessions = [await pool.acquire(), await pool.acquire()];
    for (const session of sessions) pool.release(session);
    sessions[1]!.closed = true;
    assert.equal(await pool.acquire(), sessions[0]);
  });

  it('ends a released session of another server', async () => {
    const { pool } = newPool();
    const session = await pool.acquire();
    session.onServer = false;
    pool.release(session);
    assert.ok(session.ended);
  });

  it('closes idle sessions at once on request, but not those in use', async () => {
    const { pool, clock } = newPool({ warmSessions: 2 });
    const [used, idle] = [await pool.acquire(), await pool.acquire()];
    pool.release(idle);
    pool.dropIdle();
    assert.ok(idle.closed && !used.closed);
    await clock.move(5 * MINUTES);
    assert.ok(!idle.ended, 'its timer was disposed');
  });

  it('forgets a session that has closed', async () => {
    const { pool } = newPool();
    const session = await pool.acquire();
    pool.remove(session);
    assert.equal(pool.size, 0);
    await pool.end();
    assert.ok(!session.ended);
  });
});

describe('session pool: end', () => {
  it('ends idle sessions and those in use, and keeps none after that', async () => {
    const { pool, clock, opened } = newPool({ warmSessions: 1 });
    const [first, second] = [await pool.acquire(), await pool.acquire()];
    pool.release(first);
    await pool.end();
    assert.ok(first.ended && second.ended);
    const late = new FakeSession();
    pool.release(late);
    assert.ok(late.ended);
    await clock.move(10 * MINUTES);
    assert.equal(opened.length, 2);
    assert.equal(clock.timers.size, 0);
    await assert.rejects(pool.acquire(), /closed/);
  });

  it('ends a session that is being opened meanwhile', async () => {
    const session = new FakeSession();
    let closed: (() => void) | undefined;
    session.end = async () => {
      await new Promise<void>((resolve) => (closed = resolve));
      session.ended = true;
    };
    let opened: (() => void) | undefined;
    const { pool } = newPool({ open: () => new Promise((resolve) => (opened = () => resolve(session))) });
    const acquired = assert.rejects(pool.acquire(), /closed/);
    await pool.end();
    let settled = false;
    const all = pool.settled().then(() => (settled = true));
    await settle();
    assert.ok(!settled, 'waits for the connection that is being opened');
    opened?.();
    await acquired;
    await settle();
    assert.ok(!settled, 'waits until it is closed again');
    closed?.();
    await all;
    assert.ok(session.ended);
  });
});
