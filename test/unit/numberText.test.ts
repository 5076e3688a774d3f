import assert from 'node:assert/strict';
import { formatWhole, numberStyleOf } from '../../src/shared/numberText';

describe('whole numbers', () => {
  const values = [0, 7, 999, 1000, 9999, 10_000, 123_456, 1_000_000, 12_345_678, 9_007_199_254_740_991];
  for (const language of ['en', 'de', 'fr', 'pl', 'es', 'pt-BR', 'hi', 'en-IN', 'ar-EG', 'ja', 'ru', 'zh-CN', 'tr']) {
    it(`are formatted as Intl.NumberFormat does in ${language}`, () => {
      const style = numberStyleOf(language);
      const format = new Intl.NumberFormat(language);
      for (const value of values) assert.equal(formatWhole(value, style), format.format(value));
    });
  }

  it('are formatted in English if the language is not known', () => {
    assert.equal(formatWhole(1_234_567, numberStyleOf('no_such language')), '1,234,567');
  });
});
