import assert from 'node:assert/strict';
import { Writable } from 'node:stream';
import { SQLSTATE } from '../../../src/core/base/sqlstate';
import { SessionLostError } from '../../../src/core/jobs/errors';
import type { Notice } from '../../../src/core/jobs/ports';
import { SerialClient, type SerialClientOptions } from '../../../src/core/postgres/client/serialClient';
import { FakeClock, settle } from '../jobs/fakes';
import { FakeClient, serverError } from './fakeClient';

const TIMEOUT_MS = 30_000;

interface Subject {
  readonly fake: FakeClient;
  readonly clock: FakeClock;
  readonly client: SerialClient;
  readonly closedCalls: () => number;
  /** Cancels that are being sent. */
  readonly cancels: { sent(): void; failed(error: Error): void }[];
  /** How often the client checked whether the server answers new connections. */
  readonly checks: () => number;
}

function newClient(options: Partial<SerialClientOptions> = {}): Subject {
  const fake = new FakeClient();
  const clock = new FakeClock();
  const cancels: { sent(): void; failed(error: Error): void }[] = [];
  let closedCalls = 0;
  let checks = 0;
  const client = new SerialClient(fake.asClient, {
    clock,
    responseTimeoutMs: TIMEOUT_MS,
    interrupt: () => new Promise((sent, failed) => cancels.push({ sent, failed })),
    onClosed: () => closedCalls++,
    ...options,
    isAnswered: async () => {
      checks++;
      return (await options.isAnswered?.()) ?? true;
    },
  });
  return { fake, clock, client, cancels, closedCalls: () => closedCalls, checks: () => checks };
}

/** The error of a promise, which must reject. */
async function rejection(promise: Promise<unknown>): Promise<Error> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof Error);
    return error;
  }
  assert.fail('did not reject');
}

function sink(): Writable {
  return new Writable({ write: (_chunk, _encoding, done) => done() });
}

describe('SerialClient: queries', () => {
  it('sends one query at a time, in the order of the calls', async () => {
    const { fake, client } = newClient();
    const results = ['a', 'b', 'c'].map((text) => client.query<string>({ text }));
    for (const text of ['a', 'b', 'c']) {
      await settle();
      assert.equal(fake.unanswered.length, 1);
      assert.equal(fake.current.text, text);
      fake.current.answer(`row of ${text}`);
    }
    assert.deepEqual(await Promise.all(results), [['row of a'], ['row of b'], ['row of c']]);
  });

  it('rejects a query with the server’s error and sends the next one', async () => {
    const { fake, client } = newClient();
    const failing = rejection(client.query({ text: 'a' }));
    const next = client.query({ text: 'b' });
    await settle();
    const error = serverError('22012');
    fake.current.fail(error);
    assert.equal(await failing, error);
    await settle();
    fake.current.answer(1);
    assert.deepEqual(await next, [1]);
  });

  it('runs the queries of a task without another query in between', async () => {
    const { fake, client } = newClient();
    fake.respond = () => [];
    const task = client.run(async (pg) => {
      await pg.query('BEGIN');
      await settle();
      await pg.query('ROLLBACK');
    });
    const query = client.query({ text: 'other' });
    await Promise.all([task, query]);
    assert.deepEqual(fake.sent, ['BEGIN', 'ROLLBACK', 'other']);
  });

  it('does not send a query that is to be skipped when its turn comes', async () => {
    const { fake, client } = newClient();
    let skip = false;
    const first = client.query({ text: 'a' });
    const skipped = client.query({ text: 'b' }, { skipIf: () => skip });
    await settle();
    skip = true;
    fake.current.answer();
    await first;
    assert.deepEqual(await skipped, []);
    assert.deepEqual(fake.sent, ['a']);
  });
});

describe('SerialClient: interrupts', () => {
  it('sends no query while a cancel is on its way, because it could hit that query', async () => {
    const { fake, client, cancels } = newClient();
    const canceled = rejection(client.query({ text: 'long' }));
    const next = client.query({ text: 'next' });
    await settle();
    const interrupt = client.interrupt();
    const error = serverError(SQLSTATE.queryCanceled);
    fake.current.fail(error);
    assert.equal(await canceled, error);
    await settle();
    assert.deepEqual(fake.sent, ['long']);
    cancels[0]?.sent();
    await interrupt;
    await settle();
    fake.current.answer('row');
    assert.deepEqual(await next, ['row']);
  });

  it('sends the next query after a cancel that could not be sent', async () => {
    const { fake, client, cancels } = newClient();
    const long = client.query({ text: 'long' });
    const next = client.query({ text: 'next' });
    await settle();
    const interrupt = rejection(client.interrupt());
    cancels[0]?.failed(new Error('no such backend'));
    assert.equal((await interrupt).message, 'no such backend');
    fake.current.answer();
    await long;
    await settle();
    fake.current.answer('row');
    assert.deepEqual(await next, ['row']);
  });
});

describe('SerialClient: response timeouts', () => {
  it('closes a connection that stays silent although the server answers a new one', async () => {
    const { fake, clock, client, checks, closedCalls } = newClient();
    const silent = rejection(client.query({ text: 'a' }));
    await clock.move(TIMEOUT_MS);
    assert.equal(checks(), 1);
    assert.ok(!fake.socket.destroyed, 'it may have recovered together with the new connection');
    await clock.move(TIMEOUT_MS);
    assert.ok(fake.socket.destroyed);
    const error = await silent;
    assert.ok(error instanceof SessionLostError);
    assert.match(error.message, /server\.noAnswer \(seconds=30\)/);
    assert.equal(closedCalls(), 1);
  });

  it('keeps a connection that answers after the check', async () => {
    const { fake, clock, client } = newClient();
    const slow = client.query({ text: 'a' });
    await clock.move(TIMEOUT_MS);
    fake.current.answer('row');
    assert.deepEqual(await slow, ['row']);
    await clock.move(10 * TIMEOUT_MS);
    assert.ok(!fake.socket.destroyed && !client.closed);
    assert.equal(clock.timers.size, 0);
  });

  it('waits for a server that does not answer new connections either', async () => {
    let answers = false;
    const { fake, clock, client, checks } = newClient({ isAnswered: () => Promise.resolve(answers) });
    const silent = rejection(client.query({ text: 'a' }));
    await clock.move(10 * TIMEOUT_MS);
    assert.equal(checks(), 10);
    assert.ok(!fake.socket.destroyed);
    answers = true;
    await clock.move(2 * TIMEOUT_MS);
    assert.ok((await silent) instanceof SessionLostError);
  });

  it('waits on if the check itself fails', async () => {
    const { fake, clock, client } = newClient({ isAnswered: () => Promise.reject(new Error('no network')) });
    const slow = client.query({ text: 'a' });
    await clock.move(3 * TIMEOUT_MS);
    fake.current.answer('row');
    assert.deepEqual(await slow, ['row']);
  });

  it('adds the time that a query is expected to take', async () => {
    const { fake, clock, client, checks } = newClient();
    const slow = client.query({ text: 'a' }, { expectedMs: 60_000 });
    await clock.move(60_000 + TIMEOUT_MS - 1);
    assert.equal(checks(), 0);
    await clock.move(1);
    assert.equal(checks(), 1);
    fake.current.answer();
    await slow;
  });

  it('does not check the server for an expendable connection', async () => {
    const { fake, clock, client, checks } = newClient();
    const silent = rejection(client.run((pg) => pg.query('a'), { expendable: true }));
    await clock.move(2 * TIMEOUT_MS);
    assert.ok(fake.socket.destroyed);
    assert.ok((await silent) instanceof SessionLostError);
    assert.equal(checks(), 0);
  });

  it('starts the timeout of a query when it is sent', async () => {
    const { fake, clock, client, checks } = newClient();
    const first = client.query({ text: 'a' });
    const second = client.query({ text: 'b' });
    await clock.move(TIMEOUT_MS - 1);
    fake.current.answer();
    await first;
    await clock.move(TIMEOUT_MS - 1);
    assert.equal(checks(), 0);
    fake.current.answer();
    await second;
  });
});

describe('SerialClient: lost connections', () => {
  it('rejects the running query and all queued ones if the client ends', async () => {
    const { fake, client, closedCalls } = newClient();
    const errors = ['a', 'b', 'c'].map((text) => rejection(client.query({ text })));
    await settle();
    fake.lose(new Error('read ECONNRESET'));
    for (const error of await Promise.all(errors)) assert.ok(error instanceof SessionLostError);
    assert.match((await errors[0])!.message, /read ECONNRESET/);
    assert.ok(client.closed);
    assert.equal(closedCalls(), 1);
  });

  it('rejects with the server’s termination notice rather than with the error of `pg`', async () => {
    const { fake, client } = newClient();
    const running = rejection(client.query({ text: 'a' }));
    await settle();
    fake.emit('notice', { code: SQLSTATE.crashShutdown, severity: 'WARNING', message: 'another process crashed' });
    fake.lose(new Error('Connection terminated unexpectedly'));
    const error = await running;
    assert.ok(error instanceof SessionLostError && error.serverCrashed);
    assert.match(error.message, /another process crashed/);
  });

  it('ignores a notice that only looks like a termination notice', async () => {
    const { fake, client } = newClient();
    fake.emit('notice', { code: SQLSTATE.crashShutdown, severity: 'WARNING', message: 'raised by a worker' });
    fake.emit('drain');
    const running = rejection(client.query({ text: 'a' }));
    await settle();
    fake.lose(new Error('read ECONNRESET'));
    const error = await running;
    assert.ok(error instanceof SessionLostError && !error.serverCrashed);
    assert.match(error.message, /read ECONNRESET/);
  });

  it('reports the first error of the client, not the later ones', async () => {
    const { fake, client, closedCalls } = newClient();
    const running = rejection(client.query({ text: 'a' }));
    await settle();
    fake.emit('error', serverError(SQLSTATE.adminShutdown, 'terminating connection', 'FATAL'));
    fake.emit('error', new Error('write EPIPE'));
    fake.lose(new Error('Connection terminated'));
    assert.match((await running).message, /terminating connection/);
    assert.equal(closedCalls(), 1);
  });

  it('verifies the connection after an error that may have ended it', async () => {
    const { fake, client } = newClient();
    const failing = rejection(client.query({ text: 'a' }));
    await settle();
    const error = serverError(SQLSTATE.adminShutdown, 'terminating background worker', 'FATAL');
    fake.current.fail(error);
    await settle();
    assert.equal(fake.current.text, 'SELECT 1');
    fake.current.answer(1);
    assert.equal(await failing, error, 'the session answers, so the error was a worker’s');
    const next = client.query({ text: 'b' });
    await settle();
    fake.current.answer('row');
    assert.deepEqual(await next, ['row']);
  });

  it('reports the error that ended the connection if the verification fails', async () => {
    const { fake, client } = newClient();
    const failing = rejection(client.query({ text: 'a' }));
    await settle();
    fake.current.fail(serverError(SQLSTATE.adminShutdown, 'terminating connection', 'FATAL'));
    await settle();
    fake.lose(new Error('Connection terminated unexpectedly'));
    const error = await failing;
    assert.ok(error instanceof SessionLostError);
    assert.match(error.message, /terminating connection/);
  });

  it('rejects every call after the connection was closed', async () => {
    const { fake, client } = newClient();
    client.destroy();
    await settle();
    assert.ok(client.closed);
    assert.ok((await rejection(client.query({ text: 'a' }))) instanceof SessionLostError);
    assert.ok((await rejection(client.run((pg) => pg.query('b')))) instanceof SessionLostError);
    assert.ok((await rejection(client.copyOut('COPY', sink()))) instanceof SessionLostError);
    await client.end();
    assert.equal(fake.endCalls, 0);
  });
});

describe('SerialClient: COPY and notices', () => {
  const notice = { severity: 'NOTICE', message: 'progress', detail: 'd', hint: 'h' };

  it('reports notices while rows are being copied', async () => {
    const { fake, client } = newClient();
    const received: Notice[] = [];
    client.onNotice((one) => {
      received.push(one);
      return undefined;
    });
    const copy = client.copyOut('COPY x TO STDOUT', sink());
    assert.ok(client.copying);
    await settle();
    fake.emit('notice', notice);
    fake.emit('notice', { message: 'without a severity' });
    fake.current.answer();
    assert.deepEqual(await copy, { rows: 0 });
    assert.ok(!client.copying);
    assert.deepEqual(received, [notice, { severity: 'NOTICE', message: 'without a severity' }]);
  });

  it('stops reading from the server until a notice listener is done', async () => {
    const { fake, clock, client } = newClient();
    const done: (() => void)[] = [];
    client.onNotice(() => new Promise((resolve) => done.push(resolve)));
    const copy = client.copyOut('COPY x TO STDOUT', sink());
    await clock.move(1000);
    assert.equal(client.idleMs(), 1000);
    fake.emit('notice', notice);
    fake.emit('notice', notice);
    assert.ok(fake.socket.isPaused());
    assert.equal(client.idleMs(), 0, 'the pause is ours, not the server’s');
    done[0]?.();
    await settle();
    assert.ok(fake.socket.isPaused(), 'the second notice is still being handled');
    done[1]?.();
    await settle();
    assert.ok(!fake.socket.isPaused());
    await clock.move(500);
    assert.equal(client.idleMs(), 500);
    fake.current.answer();
    await copy;
  });

  it('does not call a listener after it was removed', () => {
    const { fake, client } = newClient();
    let calls = 0;
    const count = (): undefined => {
      calls++;
    };
    client.onNotice(count).dispose();
    client.onNotice(count);
    client.removeNoticeListeners();
    fake.emit('notice', notice);
    assert.equal(calls, 0);
  });

  it('puts no time limit on a COPY', async () => {
    const { fake, clock, client, checks } = newClient();
    const copy = client.copyOut('COPY x TO STDOUT', sink());
    await clock.move(100 * TIMEOUT_MS);
    assert.equal(checks(), 0);
    fake.current.answer();
    await copy;
  });
});

describe('SerialClient: end', () => {
  it('ends an idle connection in order', async () => {
    const { fake, client } = newClient();
    await client.end();
    assert.equal(fake.endCalls, 1);
    assert.ok(!fake.socket.destroyed);
  });

  it('closes the socket if the orderly end takes too long', async () => {
    const { fake, clock, client } = newClient();
    fake.end = () => new Promise((resolve) => fake.on('end', resolve));
    const ended = client.end();
    await clock.move(2000);
    await ended;
    assert.ok(fake.socket.destroyed);
  });

  it('interrupts a COPY before it closes the socket', async () => {
    const { fake, client, cancels } = newClient();
    const copy = rejection(client.copyOut('COPY x TO STDOUT', sink()));
    await settle();
    const ended = client.end();
    await settle();
    assert.equal(cancels.length, 1);
    assert.ok(!fake.socket.destroyed);
    cancels[0]?.sent();
    await ended;
    assert.ok(fake.socket.destroyed);
    assert.ok((await copy) instanceof SessionLostError);
  });

  it('does not wait for an interrupt that takes too long', async () => {
    const { fake, clock, client } = newClient();
    const copy = rejection(client.copyOut('COPY x TO STDOUT', sink()));
    await settle();
    const ended = client.end();
    await clock.move(1000);
    await ended;
    assert.ok(fake.socket.destroyed);
    await copy;
  });

  it('rejects what fails while it ends with SessionLostError, because that says nothing about a worker', async () => {
    const { fake, client } = newClient();
    const running = rejection(client.query({ text: 'a' }));
    await settle();
    const ended = client.end();
    fake.current.fail(serverError(SQLSTATE.queryCanceled));
    assert.ok((await running) instanceof SessionLostError);
    await ended;
  });
});
