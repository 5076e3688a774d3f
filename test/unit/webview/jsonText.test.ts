import assert from 'node:assert/strict';
import { formatJson } from '../../../webview/page/jsonText';

describe('formatJson', () => {
  it('formats JSON without changing values', () => {
    const source = '{"b": 12345678901234567890123, "a":[1.50,"x\\n\\u00e9",null,{}], "e":[]}';
    const formatted = formatJson(source);
    assert.equal(
      formatted?.text,
      '{\n  "b": 12345678901234567890123,\n  "a": [\n    1.50,\n    "x\\n\\u00e9",\n    null,\n    {}\n  ],\n  "e": []\n}',
    );
    assert.deepEqual(JSON.parse(formatted.text), JSON.parse(source));
  });

  it('distinguishes keys, strings, numbers, and words', () => {
    const formatted = formatJson('{"k": ["s", 1, true]}');
    const parts = formatted?.tokens.map(({ start, end, kind }) => [formatted.text.slice(start, end), kind]);
    assert.deepEqual(parts, [
      ['"k"', 'key'],
      ['"s"', 'string'],
      ['1', 'number'],
      ['true', 'word'],
    ]);
  });

  it('rejects other text', () => {
    for (const text of ['', 'x', '1', '"a"', '{a: 1}', '[1,]', '{"a":1} x', '{1,2}']) {
      assert.equal(formatJson(text), undefined, text);
    }
    assert.equal(formatJson(`${'['.repeat(600)}${']'.repeat(600)}`), undefined);
  });
});
