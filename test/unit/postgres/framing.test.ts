import assert from 'node:assert/strict';
import { Duplex, Writable } from 'node:stream';
import type { Client } from 'pg';
import { parse } from 'pg-protocol';
import { copyOut } from '../../../src/core/postgres/client/copyOut';
import { MessageGuard, ProtocolError } from '../../../src/core/postgres/client/framing';

function message(type: string, body: string | Buffer = ''): Buffer {
  const bytes = Buffer.from(body as string);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(bytes.length + 4, 1);
  return Buffer.concat([head, bytes]);
}

function head(type: string, length: number): Buffer {
  const bytes = message(type);
  bytes.writeUInt32BE(length, 1);
  return bytes;
}

/** Pseudo-random numbers that depend only on the seed (mulberry32). */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** Valid, damaged, and impossible messages, and sometimes random bytes. @param rows whether to include messages of COPY */
function input(random: (below: number) => number, rows: boolean): Buffer {
  const good = [
    message('S', 'a\0b\0'),
    message('N', 'SNOTICE\0C00000\0Mhello\0\0'),
    message('E', 'SERROR\0C22012\0Mboom\0\0'),
    message('C', 'SELECT 1\0'),
    message('T', Buffer.concat([Buffer.from([0, 1]), Buffer.from('name\0'), Buffer.alloc(18)])),
    message('D', Buffer.from([0, 1, 0, 0, 0, 1, 65])),
    message('A', Buffer.from('\0\0\0\x01channel\0payload\0')),
    message('Z', 'I'),
    ...(rows ? [message('d', 'some data\n'), message('d', Buffer.alloc(random(3000), 0x61))] : []),
  ];
  const parts: Buffer[] = [];
  for (let i = random(12); i >= 0; i--) {
    const next = Buffer.from(good[random(good.length)]!);
    const fault = random(24);
    if (fault === 0) next.writeUInt32BE(random(8), 1);
    if (fault === 1) next[random(next.length)] = random(256);
    if (fault === 2) next.writeUInt32BE(0x3fffffff + random(9), 1);
    parts.push(fault === 3 ? Buffer.from(Array.from({ length: random(40) }, () => random(256))) : next);
  }
  return Buffer.concat(parts);
}

function pieces(bytes: Buffer, random: (below: number) => number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const size = 1 + random(random(4) === 0 ? 2000 : 9);
    chunks.push(Buffer.from(bytes.subarray(at, at + size)));
    at += size;
  }
  return chunks;
}

describe('MessageGuard', () => {
  /** Returns the messages that the guard passes to the parser of pg, and whether it ended with an error. */
  function guarded(chunks: readonly Buffer[]): { names: string[]; error: string | undefined } {
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    const names: string[] = [];
    void parse(socket, ({ name }) => names.push(name));
    const guard = new MessageGuard((whole) => socket.emit('data', whole));
    try {
      for (const chunk of chunks) guard.push(chunk);
      return { names, error: undefined };
    } catch (error) {
      return { names, error: error instanceof Error ? error.name : 'other' };
    }
  }

  it('rejects messages that make pg loop forever, or that no server sends', () => {
    for (const bytes of [
      head('d', 0),
      head('d', 3),
      head('N', 2),
      head('D', 16 * 1024 * 1024 + 1),
      head('T', 1024 * 1024 + 1),
      head('A', 30_001),
      message('d', 'an unrequested row'),
      message('H', Buffer.alloc(3)),
      message('c'),
      message('G', Buffer.alloc(3)),
      message('W', Buffer.alloc(3)),
      message('E', `${'D\0'.repeat(65)}\0`),
      head('E', 0xffffffff),
      head('Z', 30_001),
      message('E', 'SERROR'),
      message('E', 'SERROR\0'),
      message('N', ''),
      message('S', 'a\0b'),
      message('C', 'SELECT'),
      message('A', '\0\0'),
      message('T', Buffer.from([0, 1, 65])),
      message('Z', ''),
      message('R', '\0\0\0\x03'),
      message('K', Buffer.alloc(8)),
      message('v', Buffer.alloc(8)),
      message('\0', ''),
    ]) {
      const guard = new MessageGuard(() => assert.fail('was passed on'));
      assert.throws(
        () => guard.push(bytes),
        (error) => error instanceof ProtocolError && /^server\.\w+(Message|Length)$/.test(error.fault.code),
        bytes.toString('latin1'),
      );
    }
  });

  it('gives the same result for any bytes, however they are split into chunks', () => {
    let refused = 0;
    for (let seed = 1; seed <= 1500; seed++) {
      const random = randomOf(seed);
      const bytes = input(random, false);
      const whole = guarded([bytes]);
      if (whole.error !== undefined) refused++;
      for (let i = 0; i < 3; i++) assert.deepEqual(guarded(pieces(bytes, random)), whole, `seed ${seed}`);
    }
    assert.ok(refused > 100 && refused < 1400, `${refused} refused`);
  });

  it('buffers a message in memory proportional to the bytes that have arrived', () => {
    const before = process.memoryUsage().arrayBuffers;
    const guard = new MessageGuard(() => assert.fail('is not complete'));
    guard.push(head('D', 16 * 1024 * 1024));
    for (let i = 0; i < 1000; i++) guard.push(Buffer.alloc(1000));
    assert.ok(process.memoryUsage().arrayBuffers - before < 8_000_000);
  });

  /** The result of copyOut for these chunks. */
  async function copied(chunks: readonly Buffer[]): Promise<unknown> {
    const socket = new Duplex({ read: () => undefined, write: (_chunk, _encoding, done) => done() });
    socket.on('error', () => undefined);
    const parsed: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => parsed.push(chunk));
    const sunk: Buffer[] = [];
    const sink = new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        sunk.push(Buffer.from(chunk));
        done();
      },
    });
    let query: { submit(wire: unknown): void; handleReadyForQuery(): void } | undefined;
    const client = { query: (given: never) => (query = given) } as unknown as Client;
    const done = copyOut(client, 'COPY …', sink, () => undefined).then(
      ({ rows }) => rows,
      (error: unknown) => (error as Error).name,
    );
    query!.submit({ stream: socket, query: () => undefined });
    for (const chunk of chunks) socket.emit('data', Buffer.from(chunk));
    query!.handleReadyForQuery();
    return [await done, Buffer.concat(sunk).toString('latin1'), Buffer.concat(parsed).toString('latin1')];
  }

  it('copyOut gives the same result for any bytes, however they are split into chunks', async () => {
    for (let seed = 1; seed <= 700; seed++) {
      const random = randomOf(seed);
      const bytes = input(random, true);
      assert.deepEqual(await copied(pieces(bytes, random)), await copied([bytes]), `seed ${seed}`);
    }
    for (const length of [0, 1, 2, 3, 0x40000000, 0xffffffff]) {
      const [outcome, sunk] = (await copied([message('d', 'row\n'), head('d', length)])) as string[];
      assert.equal(outcome, 'ProtocolError', String(length));
      assert.equal(sunk, 'row\n');
    }
  });
});
