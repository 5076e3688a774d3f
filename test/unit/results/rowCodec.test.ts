import assert from 'node:assert/strict';
import { decodeField, decodeLine, encodeField, encodeLine, type Row } from '../../../src/shared/rowCodec';
import { randomizer } from './support';

describe('rowCodec', () => {
  it('decodes the output of COPY', () => {
    const cases: [line: string, row: Row][] = [
      ['', ['']],
      ['\t', ['', '']],
      ['1\tone', ['1', 'one']],
      ['\\N\t\\N', [null, null]],
      ['\\\\N', ['\\N']],
      ['N', ['N']],
      ['a\\tb\\nc\\rd\\be\\ff\\vg\\\\h', ['a\tb\nc\rd\be\ff\vg\\h']],
      ['ž€𐍈\t\u2028', ['ž€𐍈', '\u2028']],
      ['\\\\.', ['\\.']],
    ];
    for (const [line, row] of cases) assert.deepEqual(decodeLine(line), row, JSON.stringify(line));
  });

  it('decodes escapes that COPY only reads: octal and hexadecimal bytes, and other characters', () => {
    assert.equal(decodeField('\\101\\x42\\x6'), 'AB\x06');
    assert.equal(decodeField('\\303\\251\\xe2\\x82\\xAC'), 'é€');
    assert.equal(decodeField('\\303\\251', 'latin1'), '\xc3\xa9');
    assert.equal(decodeField('\\a\\.\\x\\9\\\ta'), 'a.x9\ta');
    assert.equal(decodeField('\\1018'), 'A8');
    assert.equal(decodeField('end\\'), 'end\\');
  });

  it('encodes like COPY', () => {
    assert.equal(
      encodeLine([null, '', 'a\tb', '\\N', '\b\f\n\r\t\v\\']),
      '\\N\t\ta\\tb\t\\\\N\t\\b\\f\\n\\r\\t\\v\\\\',
    );
    assert.equal(encodeField('plain "text", \u0001'), 'plain "text", \u0001');
  });

  it('round-trips any row', () => {
    const random = randomizer(1);
    const alphabet = ['\\', '\t', '\n', '\r', 'N', 'n', 'x', '0', '7', '.', '', 'é', '😀', '\u0001', '"', '\ud7ff'];
    for (let i = 0; i < 5000; i++) {
      const row: Row = Array.from({ length: 1 + random(5) }, () =>
        random(6) === 0 ? null : Array.from({ length: random(9) }, () => alphabet[random(alphabet.length)]!).join(''),
      );
      const line = encodeLine(row);
      assert.ok(!line.includes('\n') && !line.includes('\r'));
      assert.deepEqual(decodeLine(line), row);
    }
  });

  it('round-trips random bytes as latin1', () => {
    const random = randomizer(2);
    for (let i = 0; i < 500; i++) {
      const row = [0, 1, 2].map(() =>
        Buffer.from(Array.from({ length: random(60) }, () => random(256))).toString('latin1'),
      );
      const bytes = Buffer.from(encodeLine(row), 'latin1');
      assert.ok(!bytes.includes(10));
      assert.deepEqual(decodeLine(bytes.toString('latin1'), 'latin1'), row);
    }
  });
});
