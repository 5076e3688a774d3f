import assert from 'node:assert/strict';
import { SQLSTATE } from '../../../src/core/base/sqlstate';
import { SessionLostError } from '../../../src/core/jobs/errors';
import type { Notice } from '../../../src/core/jobs/ports';
import { settle } from '../jobs/fakes';
import { serverError } from './fakeClient';
import { newClient, rejection, sink, TIMEOUT_MS } from './serialClientSubject';

describe('SerialClient: COPY and notices', () => {
  const notice = { severity: 'NOTICE', message: 'progress', detail: 'd', hint: 'h' };

  it('reports notices while rows are being copied', async () => {
    const { fake, client } = newClient();
    const received: Notice[] = [];
    client.onNotice((notice) => {
      received.push(notice);
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
    fake.current.fail(serverError(SQLSTATE.queryCanceled));
    await ended;
    assert.equal(cancels.length, 1);
    assert.ok(fake.socket.destroyed);
    assert.ok((await copy) instanceof SessionLostError);
  });

  it('interrupts a COPY again that continues, because the interrupt overtook it', async () => {
    const { fake, clock, client, cancels } = newClient();
    const copy = rejection(client.copyOut('COPY x TO STDOUT', sink()));
    await settle();
    const ended = client.end();
    cancels[0]?.sent();
    await clock.move(50);
    assert.equal(cancels.length, 2);
    assert.ok(!fake.socket.destroyed);
    cancels[1]?.sent();
    fake.current.fail(serverError(SQLSTATE.queryCanceled));
    await ended;
    assert.ok(fake.socket.destroyed);
    await copy;
    assert.equal(clock.timers.size, 0);
  });

  it('starts no COPY that waits for its turn', async () => {
    const { fake, client, cancels } = newClient();
    void client.interrupt();
    const copy = rejection(client.copyOut('COPY x TO STDOUT', sink()));
    await settle();
    const ended = client.end();
    for (const cancel of cancels) cancel.sent();
    await ended;
    assert.ok((await copy) instanceof SessionLostError);
    assert.deepEqual(fake.sent, []);
    assert.ok(fake.socket.destroyed);
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
