import assert from 'node:assert/strict';
import { valuesOf } from '../../../src/host/connectionPages/formModel';
import { parseFromConnectionPage, parseSavedPage } from '../../../src/host/connectionPages/formMessages';
import type { FromConnectionPage, SavedConnectionPage } from '../../../src/shared/connectionRequests';

const values = valuesOf({ name: 'x', host: 'h', port: 5432, hostaddr: '1.1.1.1', sslsni: false }, 'ask', 'workspace');

const GOOD: FromConnectionPage[] = [
  { type: 'ready' },
  { type: 'check', values },
  { type: 'paste', text: 'postgres://', values },
  { type: 'test', values },
  { type: 'test', values, password: 'p' },
  { type: 'save', values },
  { type: 'save', values, password: '' },
  { type: 'offers' },
  { type: 'useOffer', offer: 0, values },
  { type: 'browse', field: 'sslkey' },
  { type: 'forgetPassword' },
  { type: 'cancelTest' },
  { type: 'testAgain' },
  { type: 'edit' },
  { type: 'close' },
  { type: 'fix', report: 1, finding: 0, fix: 0, way: 'run' },
];

const BAD: unknown[] = [
  undefined,
  null,
  'save',
  [],
  {},
  { type: 'eval' },
  { type: 'run', sql: 'DROP TABLE x' },
  { type: 'check' },
  { type: 'check', values: { ...values, host: 7 } },
  { type: 'check', values: { ...values, host: undefined } },
  { type: 'check', values: { ...values, host: 'x'.repeat(100_000) } },
  { type: 'check', values: { ...values, sslmode: 'on' } },
  { type: 'check', values: { ...values, scope: 'folder' } },
  { type: 'check', values: { ...values, production: 'yes' } },
  { type: 'check', values: { ...values, rest: undefined } },
  { type: 'check', values: { ...values, rest: [1] } },
  { type: 'check', values: { ...values, rest: { a: { b: 1 } } } },
  { type: 'check', values: { ...values, rest: { 'a b': 1 } } },
  {
    type: 'check',
    values: {
      ...values,
      rest: Object.fromEntries(Array.from({ length: 41 }, (_, i) => ['x'.repeat(i + 1), 1])),
    },
  },
  { type: 'paste', values },
  { type: 'paste', text: 'x' },
  { type: 'save', values, password: 7 },
  { type: 'test', values, password: null },
  { type: 'useOffer', offer: -1, values },
  { type: 'useOffer', offer: 0 },
  { type: 'browse', field: 'name' },
  { type: 'fix', report: 1, finding: 0.5, fix: 0, way: 'run' },
  { type: 'fix', report: 1, finding: 0, fix: 0, way: 'eval' },
  { type: 'fix', finding: 0, fix: 0, way: 'run' },
];

describe('messages of the connection page', () => {
  for (const message of GOOD) {
    it(`accepts ${JSON.stringify(message).slice(0, 60)}`, () => {
      assert.deepEqual(parseFromConnectionPage(message), message);
      assert.deepEqual(parseFromConnectionPage({ ...message, more: 'x' }), message, 'drops unknown fields');
    });
  }
  BAD.forEach((message, index) => {
    it(`rejects ${index}: ${JSON.stringify(message ?? null).slice(0, 60)}`, () =>
      assert.equal(parseFromConnectionPage(message), undefined));
  });

  it('keeps only the fields of the form in the values', () => {
    const taken = parseFromConnectionPage({ type: 'check', values: { ...values, password: 'secret' } });
    assert.deepEqual(taken, { type: 'check', values });
  });
});

describe('the saved state of a connection page', () => {
  const form: SavedConnectionPage = { version: 1, kind: 'form', editing: 'x', values, advanced: true };
  const test: SavedConnectionPage = { version: 1, kind: 'test', connection: 'x' };

  it('is restored', () => {
    assert.deepEqual(parseSavedPage(form), form);
    assert.deepEqual(parseSavedPage({ ...test, more: 1 }), test);
  });

  it('is restored if an older version named the test page “doctor”', () => {
    assert.deepEqual(parseSavedPage({ version: 1, kind: 'doctor', connection: 'x' }), test);
  });

  it('is ignored if it is invalid', () => {
    for (const state of [
      undefined,
      {},
      { ...form, version: 2 },
      { ...form, values: {} },
      { ...test, connection: 1 },
      { ...form, kind: 'x' },
    ]) {
      assert.equal(parseSavedPage(state), undefined);
    }
  });
});
