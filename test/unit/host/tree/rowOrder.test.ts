import assert from 'node:assert/strict';
import { RowMoves, RowOrder } from '../../../../src/host/tree/rowOrder';

const ids = (jobs: readonly { readonly id: string }[]): string => jobs.map(({ id }) => id).join(' ');

describe('the order of rows in the tree', () => {
  const job = (id: string, final = false): { id: string; final: boolean } => ({ id, final });

  it('lists the newest job first, and finished jobs of an earlier session below the running ones', () => {
    const order = new RowOrder();
    const { upper, finished } = order.arrange([job('old', true), job('older run', false), job('new')]);
    assert.equal(ids(upper), 'new older run');
    assert.equal(ids(finished), 'old');
  });

  it('a job that ends keeps its place', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b'), job('c')]);
    assert.equal(ids(order.arrange([job('a'), job('b', true), job('c')]).upper), 'c b a');
  });

  it('an ended job joins the finished ones when a job is added', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b')]);
    const { upper, finished } = order.arrange([job('a'), job('b', true), job('c')]);
    assert.equal(ids(upper), 'c a');
    assert.equal(ids(finished), 'b');
  });

  it('an ended job joins the finished ones when it is asked for', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a'), job('b')]);
    const jobs = [job('a', true), job('b')];
    order.settle(jobs);
    assert.equal(ids(order.arrange(jobs).finished), 'a');
  });

  it('a forgotten job that comes back counts as new', () => {
    const order = new RowOrder<ReturnType<typeof job>>();
    order.arrange([job('a', true)]);
    order.forget(['a']);
    assert.equal(ids(order.arrange([job('a')]).upper), 'a');
  });
});

describe('rows that moved', () => {
  let now = 0;
  const groups = ['one', 'two'];
  beforeEach(() => (now = 1000));

  it('a row that is drawn for the first time has not moved', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
  });

  it('rows below an inserted one have moved, for as long as asked', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a', 'b'], groups);
    moves.draw('one', ['a', 'new', 'b'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
    assert.equal(moves.movedWithin('new', 1000), false);
    assert.equal(moves.movedWithin('b', 1000), true);
    now += 1001;
    assert.equal(moves.movedWithin('b', 1000), false);
  });

  it('rows of the next group move too', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a'], groups);
    moves.draw('two', ['b'], groups);
    now += 5000;
    moves.draw('one', [], groups);
    assert.equal(moves.movedWithin('b', 1000), true);
  });

  it('a row that was gone and came back counts as new', () => {
    const moves = new RowMoves(() => now);
    moves.draw('one', ['a', 'b'], groups);
    moves.draw('one', ['b'], groups);
    moves.draw('one', ['b', 'a'], groups);
    assert.equal(moves.movedWithin('a', 1000), false);
  });
});
