import { strict as assert } from 'node:assert';
import { DrawnRoots, type RootRow } from '../../../../src/host/tree/drawnRoots';

describe('the top-level rows of the tree', () => {
  const row = (id: string, content = ''): RootRow<string> => ({ node: id, id, content });
  let drawn: DrawnRoots<string>;

  beforeEach(() => {
    drawn = new DrawnRoots();
    drawn.drawAll([row('a'), row('b', 'connecting')]);
  });

  it('must all be drawn at first', () => {
    assert.equal(new DrawnRoots<string>().changed([]), undefined);
  });

  it('are redrawn one by one if only their content changes', () => {
    assert.deepEqual(drawn.changed([row('a'), row('b', 'connecting')]), []);
    assert.deepEqual(drawn.changed([row('a'), row('b', 'connected')]), ['b']);
  });

  it('count as changed until they have been drawn', () => {
    const rows = [row('a'), row('b', 'connected')];
    drawn.changed(rows);
    assert.deepEqual(drawn.changed(rows), ['b']);
    drawn.draw(row('b', 'connected'));
    assert.deepEqual(drawn.changed(rows), []);
  });

  it('are all redrawn if one appears, disappears, or moves', () => {
    assert.equal(drawn.changed([row('a'), row('b'), row('c')]), undefined);
    assert.equal(drawn.changed([row('a')]), undefined);
    assert.equal(drawn.changed([row('b'), row('a')]), undefined);
  });
});
