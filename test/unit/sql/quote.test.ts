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

  it('writes values as string constants, with E where a backslash is in them', () => {
    assert.equal(quoteLiteral(''), "''");
    assert.equal(quoteLiteral("it's"), "'it''s'");
    assert.equal(quoteLiteral("a\\'b"), "E'a\\\\''b'");
  });

  it('refuses NUL, which would cut the SQL off', () => {
    assert.throws(() => quoteLiteral('a\0b'), ValueError);
    assert.throws(() => quoteIdent('\0'), ValueError);
  });

  it('comes back from PostgreSQL’s parser as what it was, whatever is in it', () => {
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

  it('turns the server’s code points from 1 into UTF-16 offsets', () => {
    assert.deepEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((position) => codePointToUtf16(text, position)),
      [0, 1, 3, 4, 5, 6, 7, 9],
    );
  });

  it('has no offset for positions that the text has not', () => {
    for (const position of [0, -1, 9, 1000, NaN, 1.5, Infinity])
      assert.equal(codePointToUtf16(text, position), undefined, `${position}`);
    assert.equal(codePointToUtf16('', 1), 0);
  });

  it('turns offsets back, one inside a pair into its character’s position', () => {
    assert.deepEqual(
      [0, 1, 2, 3, 4, 7, 8, 9].map((offset) => utf16ToCodePoint(text, offset)),
      [1, 2, 2, 3, 4, 7, 7, 8],
    );
    assert.deepEqual(
      [-5, 99].map((offset) => utf16ToCodePoint(text, offset)),
      [1, 8],
    );
  });

  it('counts a lone surrogate as one, as the replacement character that is sent for it', () => {
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
