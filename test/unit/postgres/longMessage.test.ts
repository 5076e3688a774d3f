import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { wholeError, wholeNotice } from '../../../src/core/jobs/textBudget';
import { firstBytes, WHOLE, type WholeTexts } from '../../../src/core/jobs/wholeText';
import { MessageGuard, ProtocolError } from '../../../src/core/postgres/client/framing';
import { readInTurns } from '../../../src/core/postgres/client/readInTurns';

type Fields = Readonly<Record<string, string>>;

function message(type: string, fields: string): Buffer {
  const body = Buffer.from(fields);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeUInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

function withFields(type: string, fields: Fields): Buffer {
  const texts = Object.entries(fields).map(([letter, text]) => `${letter}${text}\0`);
  return message(type, `${texts.join('')}\0`);
}

interface Passed {
  readonly message: Buffer;
  readonly whole: Fields | undefined;
}

/** Returns the messages that arrive if the bytes come in chunks of this size. */
function through(bytes: Buffer, size: number): Passed[] {
  const passed: Passed[] = [];
  const guard = new MessageGuard((message, whole) =>
    passed.push({ message: Buffer.from(message), whole: whole && textsOf(whole) }),
  );
  for (let at = 0; at < bytes.length; at += size) guard.push(bytes.subarray(at, at + size));
  return passed;
}

function fieldsOf(passed: Buffer): Fields {
  const texts = passed.toString('utf8', 5).split('\0').filter(Boolean);
  return Object.fromEntries(texts.map((text) => [text.slice(0, 1), text.slice(1)]));
}

function textsOf(whole: WholeTexts): Fields {
  return Object.fromEntries(
    Object.entries(whole).map(([name, text]) => {
      assert.equal(Buffer.concat(text?.parts ?? []).length, text?.bytes);
      return [name, Buffer.concat(text?.parts ?? []).toString()];
    }),
  );
}

describe('long errors and notices', () => {
  const long = { S: 'ERROR', M: `é${'x€'.repeat(200_000)}`, D: 'short', W: 'w'.repeat(100_000), n: 'n'.repeat(70_000) };

  it('have decoded beginnings and full texts, wherever the bytes are split', () => {
    const bytes = Buffer.concat([
      withFields('E', long),
      withFields('N', { S: 'NOTICE', M: 'next' }),
      message('Z', 'I'),
    ]);
    const once = through(bytes, bytes.length);
    for (const size of [1, 7, 4096, 65_536, 999_983]) assert.deepEqual(through(bytes, size), once, String(size));
    const [first, next, ready] = once;
    assert.ok(first && next && ready);
    const fields = fieldsOf(first.message);
    assert.deepEqual(Object.keys(fields), Object.keys(long));
    const { M: beginning = '' } = fields;
    assert.ok(beginning.endsWith('…') && beginning.length > 16_384 && beginning.length < 65_536);
    assert.ok(long.M.startsWith(beginning.slice(0, -1)), 'cut between two characters');
    assert.equal(fields['D'], 'short');
    assert.equal(fields['W'], long.W, 'the position of an error may be found in it');
    assert.deepEqual(first.whole, { message: long.M, constraint: long.n });
    assert.deepEqual(fieldsOf(next.message), { S: 'NOTICE', M: 'next' });
    assert.equal(next.whole, undefined);
    assert.equal(ready.message[0], 0x5a);
  });

  it('are rejected if they are damaged, wherever the bytes are split', () => {
    const text = 'x'.repeat(200_000);
    for (const body of [
      `SERROR\0M${text}`,
      `SERROR\0M${text}\0`,
      `SERROR\0M${text}\0\0x`,
      `${'Dd\0'.repeat(65)}M${text}\0\0`,
    ]) {
      for (const size of [3, 65_536, 1_000_000]) {
        assert.throws(() => through(message('E', body), size), ProtocolError, `${body.slice(0, 20)} ${size}`);
      }
    }
  });

  it('rejects an endless number of rows', () => {
    const row = message('D', '\0\x01\0\0\0\x01a');
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => row));
    const guard = new MessageGuard(() => undefined);
    assert.throws(() => {
      for (let i = 0; i < 100; i++) guard.push(many);
    }, /server\.tooManyRows/);
    const another = new MessageGuard(() => undefined);
    for (let i = 0; i < 100; i++) another.push(i % 10 === 0 ? message('Z', 'I') : many);
  });

  it('are written to a file in full, with a note on missing parts', () => {
    const parts = [Buffer.from('whole '), Buffer.from('text')];
    const error = { sqlstate: 'P0001', message: 'wh…', hint: 'h', [WHOLE]: { message: { parts, bytes: 10 } } };
    assert.equal(Buffer.concat(wholeError(error)).toString(), 'ERROR: whole text\nHINT: h\nSQLSTATE: P0001');
    const notice = {
      at: 1,
      severity: 'NOTICE',
      message: 'm',
      hint: 'wh…',
      [WHOLE]: { hint: { parts, bytes: 2_000_010 } },
    };
    assert.equal(Buffer.concat(wholeNotice(notice)).toString(), 'NOTICE: m\n  HINT: whole text… (+2 MB)');
    assert.equal(Buffer.concat(firstBytes(parts, 8)).toString(), 'whole te');
  });
});

describe('readInTurns', () => {
  function busy(): void {
    for (const end = performance.now() + 12; performance.now() < end;);
  }
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

  it('lets other events run during a flood of data, and reads all of it', async () => {
    const socket = new Duplex({ read: () => undefined });
    const read: string[] = [];
    socket.on(
      'data',
      readInTurns(
        () => socket,
        (chunk) => {
          read.push(chunk.toString());
          busy();
        },
      ),
    );
    for (const chunk of ['a', 'b', 'c']) socket.push(chunk);
    const seen: number[] = [];
    while (read.join('').length < 3) {
      await turn();
      seen.push(read.join('').length);
    }
    assert.ok(seen.includes(1), `after each turn: ${seen.join(', ')}`);
    assert.equal(read.join(''), 'abc');
  });

  it('does not resume a socket that something else has paused', async () => {
    const socket = new Duplex({ read: () => undefined });
    const listener = readInTurns(
      () => socket,
      () => {
        busy();
        socket.pause();
      },
    );
    socket.on('data', listener);
    listener(Buffer.from('a'));
    await turn();
    await turn();
    assert.equal(socket.isPaused(), true);
  });
});
