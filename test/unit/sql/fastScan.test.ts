import assert from 'node:assert/strict';
import { Lexer, Token } from '../../../src/core/sql/lexer/lexer';
import { fastScan, type ScanState } from '../../../src/core/sql/split/fastScan';
import { CORPUS } from './corpus';
import { fuzzMilliseconds, fuzzSeed, Random } from './random';

/** The tokens that fastScan may skip, because they do not affect the end of a statement. */
const PLAIN = new Set([Token.Word, Token.String, Token.Number, Token.Open, Token.Close, Token.Other]);

/** Scans from the start of a token, and reads the same tokens with the lexer. */
function compare(text: string, from: number, depth: number): void {
  const state: ScanState = { at: from, lastEnd: -1, depth, openedAt: -1 };
  fastScan(text, state);
  const lexer = new Lexer(text, from);
  let expected = { depth, openedAt: -1, lastEnd: -1 };
  const where = (): string => `from ${from} to ${state.at} of ${JSON.stringify(text)}`;
  for (let kind = lexer.next(); ; kind = lexer.next()) {
    // A token before which fastScan stopped, with or without white space before it.
    if (kind === Token.End || lexer.start >= state.at) break;
    assert.ok(PLAIN.has(kind), `${Token[kind]} at ${lexer.start}, ${where()}`);
    assert.ok(!lexer.unterminated, `cut off at ${lexer.start}, ${where()}`);
    assert.ok(lexer.end <= state.at, `stopped inside of a token at ${lexer.start}, ${where()}`);
    let { depth: now, openedAt } = expected;
    if (kind === Token.Open && now++ === 0) openedAt = lexer.start;
    else if (kind === Token.Close && now > 0) now--;
    expected = { depth: now, openedAt, lastEnd: lexer.end };
  }
  assert.deepEqual({ depth: state.depth, openedAt: state.openedAt, lastEnd: state.lastEnd }, expected, where());
}

/** Checks from each token of a text. */
function compareAll(text: string): number {
  const lexer = new Lexer(text);
  let count = 0;
  compare(text, 0, 0);
  for (let kind = lexer.next(); kind !== Token.End; kind = lexer.next()) {
    compare(text, lexer.end, ++count % 3);
  }
  return count;
}

describe('fastScan, compared with the lexer', () => {
  it('reads the same tokens as the lexer in every statement of the corpus, starting at each token', () => {
    for (const sql of CORPUS) compareAll(`${sql}\n; ${sql}`);
  });

  it('leaves strings with an escape prefix to the lexer and reads all others', () => {
    const end = (text: string): string => {
      const state: ScanState = { at: 0, lastEnd: 0, depth: 0, openedAt: 0 };
      fastScan(text, state);
      return text.slice(state.at);
    };
    assert.equal(end("'a\\', 'b'; x"), '; x');
    assert.equal(end("'a\\'' ; still the string'; x"), '; x');
    for (const prefix of ['E', 'e', 'U&', 'u&', 'N', 'B', 'x']) {
      assert.equal(end(`1 + ${prefix}'a\\'; b'; c`), `${prefix}'a\\'; b'; c`, prefix);
    }
    assert.equal(end("nameE'a\\'; x"), '; x');
    assert.equal(end('U&"a;"; x'), 'U&"a;"; x');
    assert.equal(end("'never closed; x"), "'never closed; x");
  });

  it('reads the same tokens as the lexer in random mutations of the corpus', function () {
    this.timeout(0);
    const random = new Random(fuzzSeed() + 3);
    const bits = `' " $ ; ( ) - / * . : \\ e E x X u U n N b B & 0 1 9 _ a é '' $$ /* */ -- E' U&" 1e 0x 1. 💥`.split(
      ' ',
    );
    bits.push(' ', '\n', '\r', '\t');
    let tokens = 0;
    const began = Date.now();
    while (Date.now() - began < fuzzMilliseconds() || (tokens < 10_000 && Date.now() - began < 40_000)) {
      let text = `${random.pick(CORPUS)};${random.pick(CORPUS)}`;
      for (let times = random.below(6); times > 0; times--) {
        const at = random.below(text.length + 1);
        text = text.slice(0, at) + random.pick(bits) + text.slice(at + random.below(3));
      }
      tokens += compareAll(text);
    }
    assert.ok(tokens >= 10_000, `only ${tokens} tokens were compared`);
  });
});
