import assert from 'node:assert/strict';
import type { FromPage } from '../../../src/shared/resultsRequests';
import { parseFromPage } from '../../../src/host/results/pageMessages';

const GOOD: FromPage[] = [
  { type: 'ready' },
  { type: 'tiles', request: 1, view: 0, ranges: [{ row: 0, rows: 128, column: 0, columns: 64 }] },
  { type: 'cell', request: 1, view: 0, at: { row: 1, column: 2 } },
  {
    type: 'order',
    view: 1,
    order: {
      sort: [{ column: 0, direction: 'descending' }],
      filters: [{ column: 1, operator: 'contains', value: 'x' }],
    },
  },
  { type: 'orderCancel' },
  { type: 'find', find: 1, view: 0, text: 'a', matchCase: false, regex: true, columns: [0, 1] },
  { type: 'findStep', find: 1, request: 2, from: { row: 0, column: 0 }, here: true, back: false },
  { type: 'findCancel' },
  { type: 'copy', view: 0, format: 'csv', headers: true, ranges: [{ first: 0, last: 9, columns: [1, 0] }] },
  { type: 'copyValue', view: 0, at: { row: 0, column: 0 } },
  { type: 'openValue', view: 0, at: { row: 0, column: 0 } },
  { type: 'export', view: 0, format: 'ndjson', columns: [0] },
  { type: 'openDocument', view: 3, format: 'insert', columns: [] },
  { type: 'copyText', what: 'error' },
  { type: 'showText', what: 'error' },
  { type: 'showText', what: 'messages' },
  { type: 'showText', what: 'message', number: 7 },
  { type: 'openSql' },
  { type: 'changeLimit', limit: 'maxRows' },
  { type: 'rerun' },
  { type: 'cancel' },
];

const BAD: unknown[] = [
  undefined,
  null,
  'cancel',
  {},
  { type: 'eval', code: 'x' },
  { type: 'changeLimit', limit: 'maxRows @id:other' },
  { type: 'tiles', request: 1, view: 0, ranges: [{ row: -1, rows: 1, column: 0, columns: 1 }] },
  { type: 'tiles', request: 1, view: 0, ranges: [{ row: 0, rows: 1e9, column: 0, columns: 1 }] },
  { type: 'tiles', request: 1, view: 0, ranges: Array(1_000).fill({ row: 0, rows: 1, column: 0, columns: 1 }) },
  { type: 'tiles', request: NaN, view: 0, ranges: [] },
  { type: 'cell', request: 1, view: 0, at: { row: 0.5, column: 0 } },
  { type: 'cell', request: 1, view: 0, at: null },
  { type: 'order', view: 1, order: { sort: [{ column: 0, direction: 'up' }], filters: [] } },
  { type: 'order', view: 1, order: { sort: [], filters: [{ column: 0, operator: 'like', value: '' }] } },
  { type: 'find', find: 1, view: 0, text: 'x'.repeat(100_000), matchCase: false, regex: false, columns: [] },
  { type: 'find', find: 1, view: 0, text: 7, matchCase: false, regex: false, columns: [] },
  { type: 'copy', view: 0, format: 'exe', headers: true, ranges: [] },
  { type: 'export', view: 0, format: 'csv', columns: ['0'] },
  { type: 'export', view: 0, format: '../../etc/passwd', columns: [0] },
  { type: 'copyText', what: 'password' },
  { type: 'showText', what: 'message' },
  { type: 'showText', what: 'message', number: -1 },
  { type: 'showText', what: '/etc/passwd' },
];

describe('parseFromPage', () => {
  for (const message of GOOD) {
    it(`accepts ${message.type}`, () => {
      assert.deepEqual(parseFromPage(message), message);
      assert.deepEqual(parseFromPage({ ...message, more: 'x' }), message, 'drops unknown fields');
    });
  }
  for (const message of BAD) {
    it(`rejects ${message === undefined ? 'undefined' : JSON.stringify(message).slice(0, 80)}`, () => {
      assert.equal(parseFromPage(message), undefined);
    });
  }
});
