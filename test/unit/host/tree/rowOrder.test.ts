import assert from 'node:assert/strict';
import { RowMoves, RowOrder } from '../../../../src/host/tree/rowOrder';

const ids = (jobs: readonly { readonly id: string }[]): string => jobs.map(({ id }) => id).join(' ');

describe('order of rows in the tree', () => {
  const job = (id: string, final = false): { id: string; final: boolean } => ({ id, final });

  it('lists the newest job first, and finished jobs of an earlier session below the running ones', () => {
    const order = new RowOrder();
    const { upper, finished } = order.arrange([job('old', true), job('older run', false), job('new')]);
    assert.equal(ids(upper), 'new older run');
    assert.equal(ids(finished), 'old');
  });

  it('keeps the position of a job that ends', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b'), job('c')]);
    assert.equal(ids(order.arrange([job('a'), job('b', true), job('c')]).upper), 'c b a');
  });

  it('moves an ended job to the finished ones when a job is added', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b')]);
    const { upper, finished } = order.arrange([job('a'), job('b', true), job('c')]);
    assert.equal(ids(upper), 'c a');
    assert.equal(ids(finished), 'b');
  });

  it('moves an ended job to the finished ones on request', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b')]);
    const jobs = [job('a', true), job('b')];
    order.settle(jobs);
    assert.equal(ids(order.arrange(jobs).finished), 'a');
  });

  it('treats a forgotten job that reappears as new', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a', true)]);
    order.forget(['a']);
    assert.equal(ids(order.arrange([job('a')]).upper), 'a');
  });
});

describe('detection of moved rows', () => {
  let now = 0;
  const groups = ['one', 'two'];
  beforeEach(() => (now = 1000));

  it('does not report a row that is drawn for the first time', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
  });

  it('reports rows below an inserted row for the given time', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a', 'b'], groups);
    moves.draw('one', ['a', 'new', 'b'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
    assert.equal(moves.movedWithin('new', 1000), false);
    assert.equal(moves.movedWithin('b', 1000), true);
    now += 1001;
    assert.equal(moves.movedWithin('b', 1000), false);
  });

  it('reports rows of the next group', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a'], groups);
    moves.draw('two', ['b'], groups);
    now += 5000;
    moves.draw('one', [], groups);
    assert.equal(moves.movedWithin('b', 1000), true);
  });

  it('treats a row that disappeared and reappeared as new', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a', 'b'], groups);
    moves.draw('one', ['b'], groups);
    moves.draw('one', ['b', 'a'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
  });
});
