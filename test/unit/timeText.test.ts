import assert from 'node:assert/strict';
import { formatDate, formatRange, formatRunning, formatSpan, formatTime } from '../../src/shared/timeText';

describe('a span of time', () => {
  const cases: readonly (readonly [number, string, string])[] = [
    [-5, '0 ms', '0 s'],
    [0, '0 ms', '0 s'],
    [12.7, '12 ms', '0 s'],
    [999, '999 ms', '0 s'],
    [1000, '1.0 s', '1 s'],
    [3299, '3.2 s', '3 s'],
    [9999, '9.9 s', '9 s'],
    [10_000, '10 s', '10 s'],
    [59_999, '59 s', '59 s'],
    [60_000, '1:00', '1:00'],
    [187_000, '3:07', '3:07'],
    [3_729_000, '1:02:09', '1:02:09'],
    [90_000_000, '25:00:00', '25:00:00'],
  ];
  for (const [ms, ended, running] of cases) {
    it(`of ${ms} ms is “${ended}”, and “${running}” while it runs`, () => {
      assert.equal(formatSpan(ms), ended);
      assert.equal(formatRunning(ms), running);
    });
  }
});

describe('a range of durations', () => {
  const cases: readonly (readonly [number, number, string])[] = [
    [120, 400, '120–400 ms'],
    [999.7, 1000, '1 s'],
    [1200, 3400, '1.2–3.4 s'],
    [9940, 12_400, '9.9–12 s'],
    [50_000, 240_000, '50 s – 4 min'],
    [180_000, 300_000, '3–5 min'],
    [175_000, 185_000, '3 min'],
    [4_000_000, 9_000_000, '67 min – 2.5 h'],
    [9_000_000, 72_000_000, '2.5–20 h'],
  ];
  for (const [low, high, text] of cases) {
    it(`from ${low} to ${high} ms is “${text}”`, () => assert.equal(formatRange(low, high, 'en'), text));
  }

  it('has the decimal separator of the language', () => {
    assert.equal(formatRange(1200, 3400, 'de'), '1,2–3,4 s');
  });
});

describe('a moment', () => {
  const at = (text: string): number => new Date(text).getTime();

  it('has a date and a time with seconds', () => {
    assert.equal(formatDate(at('2026-11-26T14:05:09'), 'en-GB'), '26 Nov 2026, 14:05:09');
  });

  it('of today has its time only, of another day its date, of another year the year too', () => {
    const now = at('2026-11-26T20:00:00');
    assert.equal(formatTime(at('2026-11-26T14:05:09'), now, 'en-GB'), '14:05');
    assert.equal(formatTime(at('2026-11-25T14:05:09'), now, 'en-GB'), '25 Nov');
    assert.equal(formatTime(at('2025-11-26T14:05:09'), now, 'en-GB'), '26 Nov 2025');
  });
});
