import assert from 'node:assert/strict';
import { ValueError } from '../../../src/core/sql/faults';
import { quoteIdent, quoteLiteral, quoteQualified } from '../../../src/core/sql/quote';
import { codePointToUtf16, utf16ToCodePoint } from '../../../src/core/sql/lexer/positions';
import { loadOracle, oracleStatements } from './oracle';
import { Random, fuzzSeed } from './random';

const NASTY = [
  "'",
  "''",
  '\\',
  "\\'",
  '"',
  '""',
  '\\\\',
  '$$',
  '--',
  '/*',
  ';',
  '\n',
  '\r',
  '\t',
  '%',
  '🐘',
  'é',
  "E'",
  '\u2028',
  'a',
  ' ',
];

describe('quoting', () => {
  before(loadOracle);

  it('writes names in double quotes', () => {
    assert.equal(quoteIdent('a'), '"a"');
    assert.equal(quoteIdent('a"b;'), '"a""b;"');
    assert.equal(quoteQualified('My Schema', 'f"'), '"My Schema"."f"""');
  });

  it('writes values as string constants, with E if they contain a backslash', () => {
    assert.equal(quoteLiteral(''), "''");
    assert.equal(quoteLiteral("it's"), "'it''s'");
    assert.equal(quoteLiteral("a\\'b"), "E'a\\\\''b'");
  });

  it('refuses NUL, which would end the SQL early', () => {
    assert.throws(() => quoteLiteral('a\0b'), ValueError);
    assert.throws(() => quoteIdent('\0'), ValueError);
  });

  it('is parsed by PostgreSQL as the original value, whatever it contains', () => {
    const random = new Random(fuzzSeed());
    for (let round = 0; round < 500; round++) {
      let value = '';
      for (let length = 1 + random.below(10); length > 0; length--) value += random.pick(NASTY);
      const tree = JSON.stringify(oracleStatements(`SELECT ${quoteLiteral(value)} AS ${quoteIdent(value)}`)?.[0]?.tree);
      assert.ok(tree.includes(`"sval":${JSON.stringify(value)}`), value);
      assert.ok(tree.includes(`"name":${JSON.stringify(value)}`), value);
    }
  });
});

describe('positions', () => {
  const text = 'a🐘é\r\nb🎉';

  it('converts the server’s positions to UTF-16 offsets', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((position) => codePointToUtf16(text, position)),
      [0, 1, 3, 4, 5, 6, 7, 9],
    );
  });

  it('returns no offset for positions outside the text', () => {
    for (const position of [0, -1, 9, 1000, NaN, 1.5, Infinity])
      assert.equal(codePointToUtf16(text, position), undefined, `${position}`);
    assert.equal(codePointToUtf16('', 1), 0);
  });

  it('converts offsets to positions; one inside a surrogate pair counts as its character', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 7, 8, 9].map((offset) => utf16ToCodePoint(text, offset)),
      [1, 2, 2, 3, 4, 7, 7, 8],
    );
    assert.deepEqual(
      [-5, 99].map((offset) => utf16ToCodePoint(text, offset)),
      [1, 8],
    );
  });

  it('counts a lone surrogate as one character, like the replacement character that is sent', () => {
    assert.equal(codePointToUtf16('\ud83da', 2), 1);
    assert.equal(utf16ToCodePoint('\udc18a', 1), 2);
    assert.equal(codePointToUtf16('a\udc18b', 3), 2);
  });

  it('is its own inverse', () => {
    for (let position = 1; position <= 8; position++) {
      assert.equal(utf16ToCodePoint(text, codePointToUtf16(text, position)!), position);
    }
  });
});
