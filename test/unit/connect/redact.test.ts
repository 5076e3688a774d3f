import assert from 'node:assert/strict';
import { redact, REDACTED } from '../../../src/core/postgres/connect/conninfo/redact';

describe('redact', () => {
  it('removes secrets from a text, verbatim and as they appear in connection strings', () => {
    assert.equal(redact('a p@ss b p%40ss c', ['p@ss']), `a ${REDACTED} b ${REDACTED} c`);
    assert.equal(redact('x "q\\"r" y', ['q"r']), `x "${REDACTED}" y`);
    assert.equal(redact('abcdef', ['abc', 'abcdef']), REDACTED);
    assert.equal(redact('nothing', [undefined, '']), 'nothing');
    assert.equal(redact('see postgres://u:s3cret@h/d and'), `see postgres://u:${REDACTED}@h/d and`);
    assert.equal(redact('postgresql+psycopg2://u:a@b@h/d'), `postgresql+psycopg2://u:${REDACTED}@h/d`);
    assert.equal(redact("host=h password='a b\\'c' user=u"), `host=h password=${REDACTED} user=u`);
    assert.equal(redact('host=h password=abc user=u'), `host=h password=${REDACTED} user=u`);
    assert.equal(redact('postgres://h/d?sslpassword=abc&user=u'), `postgres://h/d?sslpassword=${REDACTED}&user=u`);
    assert.equal(redact('postgres://u@h/d'), 'postgres://u@h/d');
    // Long texts are cut, but never inside a secret.
    for (const at of [9_980, 9_990, 9_995, 9_999]) {
      const before = 'x '.repeat(at / 2).slice(0, at);
      for (const secret of ['first-and-last', 'postgres://u:first-and-last@h', 'password=first-and-last']) {
        const clean = redact(`${before} ${secret} ${before}`, secret === 'first-and-last' ? [secret] : []);
        assert.ok(!clean.includes('fi') && clean.length < 10_100, clean.slice(9_900));
      }
    }
  });

  it('takes time in proportion to the length of the text', () => {
    // The fastest of several runs, so that a busy machine does not matter.
    const timeOf = (text: string): number => {
      const times = Array.from({ length: 5 }, () => {
        const start = performance.now();
        redact(text, ['secret']);
        return performance.now() - start;
      });
      return Math.min(...times);
    };
    for (const part of ['postgres://u:', 'a', 'a.', 'password', 'password ', "password='", 'x://y:z', '://u:@', ' ']) {
      const text = part.repeat(100_000 / part.length);
      assert.ok(timeOf(text.repeat(10)) < 10 * timeOf(text) + 50, part);
    }
  });
});
