import assert from 'node:assert/strict';
import { SQLSTATE } from '../../../src/core/base/sqlstate';
import { SessionLostError } from '../../../src/core/jobs/errors';
import { settle } from '../jobs/fakes';
import { serverError } from './fakeClient';
import { newClient, rejection, sink, TIMEOUT_MS } from './serialClientSubject';

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
