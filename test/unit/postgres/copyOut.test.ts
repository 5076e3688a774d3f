import assert from 'node:assert/strict';
import { Duplex, Writable } from 'node:stream';
import type { Client } from 'pg';
import { copyOut } from '../../../src/core/postgres/client/copyOut';

/** A message of the wire protocol: a code, a length that includes itself, and a body. */
function message(code: string, body: string | Buffer): Buffer {
  const bytes = Buffer.from(body);
  const head = Buffer.alloc(5);
  head.write(code);
  head.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

const ROWS = ['1\ta\n', '', '2\t\\N\n', `3\t${'x'.repeat(300)}\n`, '4\té😀\n'];
const NOTICE = message('N', 'SNOTICE\0Mhello\0\0');
const ERROR = message('E', 'SERROR\0C22012\0Mboom\0\0');
const READY = message('Z', 'I');
const rows = ROWS.map((row) => message('d', row));

function whole(...middle: Buffer[]): Buffer {
  return Buffer.concat([
    message('H', Buffer.from([0, 0, 0])),
    ...middle,
    message('c', ''),
    message('C', 'COPY 5\0'),
    READY,
  ]);
}

/** The part of `pg` that CopyOut uses: a socket, and a parser whose messages call the query's handlers. */
class FakeClient {
  readonly socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
  readonly parsed: string[] = [];
  #rest = Buffer.alloc(0);
  #query: ReturnType<FakeClient['asQuery']> | undefined;

  constructor() {
    this.socket.on('data', (chunk: Buffer) => this.#parse(chunk));
  }

  query(query: unknown): void {
    this.#query = this.asQuery(query);
    this.#query.submit({ stream: this.socket, query: () => undefined });
  }

  asQuery(query: unknown) {
    return query as { submit(c: unknown): void; handleError(e: Error): void; handleReadyForQuery(): void };
  }

  #parse(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk]);
    while (this.#rest.length >= 5) {
      const length = 1 + this.#rest.readUInt32BE(1);
      if (this.#rest.length < length) return;
      const code = this.#rest.toString('latin1', 0, 1);
      this.#rest = this.#rest.subarray(length);
      this.parsed.push(code);
      const query = this.#query;
      if (code === 'E') {
        this.#query = undefined;
        query?.handleError(new Error('boom'));
      }
      if (code === 'Z') {
        this.#query = undefined;
        query?.handleReadyForQuery();
      }
    }
  }
}

function start(sink: Writable) {
  const client = new FakeClient();
  const done = copyOut(client as unknown as Client, 'COPY …', sink, () => undefined);
  return { client, done };
}

function collector(): { readonly sink: Writable; readonly text: () => string } {
  const chunks: Buffer[] = [];
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
  return { sink, text: () => Buffer.concat(chunks).toString() };
}

describe('copyOut', () => {
  it('returns all rows and messages, wherever the bytes are split into chunks', async () => {
    const bytes = whole(rows[0]!, NOTICE, rows[1]!, rows[2]!, NOTICE, NOTICE, rows[3]!, rows[4]!);
    for (let size = 1; size <= bytes.length; size += size < 20 ? 1 : 17) {
      const { sink, text } = collector();
      const { client, done } = start(sink);
      for (let at = 0; at < bytes.length; at += size) client.socket.push(Buffer.from(bytes.subarray(at, at + size)));
      assert.deepEqual(await done, { rows: 5 }, `pieces of ${size}`);
      assert.equal(text(), ROWS.join(''), `pieces of ${size}`);
      assert.deepEqual(client.parsed, ['N', 'N', 'N', 'C', 'Z'], `pieces of ${size}`);
      assert.equal(client.socket.listenerCount('data'), 1);
    }
  });

  it('passes bytes after the end of the COPY to the parser', async () => {
    const { sink } = collector();
    const { client, done } = start(sink);
    client.socket.push(Buffer.concat([whole(rows[0]!), message('S', 'a\0b\0')]));
    await done;
    assert.deepEqual(client.parsed, ['C', 'Z', 'S']);
  });

  it('passes on the rows before an error, and reads the socket to the end, also with a slow sink', async () => {
    const written: string[] = [];
    // The sink accepts one chunk and never calls back for more.
    const sink = new Writable({ highWaterMark: 1, write: (chunk: Buffer) => void written.push(chunk.toString()) });
    const { client, done } = start(sink);
    client.socket.push(Buffer.concat([message('H', ''), rows[0]!, ERROR]));
    await assert.rejects(done, /boom/);
    client.socket.push(READY);
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(written, ['1\ta\n']);
    assert.deepEqual(client.parsed, ['E', 'Z'], 'the session can be used again');
    assert.equal(client.socket.isPaused(), false);
  });

  it('reports the error of a sink, and reads the rows to the end', async () => {
    const sink = new Writable({ write: (_chunk, _encoding, done) => done(new Error('no room')) });
    const { client, done } = start(sink);
    client.socket.push(Buffer.concat([message('H', ''), rows[0]!]));
    await new Promise((resolve) => setImmediate(resolve));
    client.socket.push(Buffer.concat([rows[2]!, message('c', ''), message('C', 'COPY 2\0'), READY]));
    const copied = await done;
    assert.equal(copied.rows, 2);
    assert.match(copied.sinkError!.message, /no room/);
  });

  it('waits for a slow sink', async () => {
    const waiting: (() => void)[] = [];
    const sink = new Writable({
      highWaterMark: 1,
      write: (_chunk, _encoding, done) => {
        waiting.push(done);
      },
    });
    const { client, done } = start(sink);
    client.socket.push(Buffer.concat([message('H', ''), rows[0]!]));
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.socket.isPaused(), true);
    waiting.pop()?.();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(client.socket.isPaused(), false);
    client.socket.push(Buffer.concat([message('c', ''), message('C', 'COPY 1\0'), READY]));
    assert.equal((await done).rows, 1);
  });
});
