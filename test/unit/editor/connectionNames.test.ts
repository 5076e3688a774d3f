import assert from 'node:assert/strict';
import { connectionNames } from '../../../src/host/editor/connectionNames';

describe('the connections of a run', () => {
  const names = (fallback: string | undefined, ...texts: string[]): readonly (string | undefined)[] =>
    connectionNames(texts, fallback, (name) => (name === 'cloud' ? 'cloud (Tool)' : name));

  it('are the file’s connection unless a comment above the statement names another one', () => {
    assert.deepEqual(names('file', 'SELECT 1'), ['file']);
    assert.deepEqual(names('file', '-- connection: other\nSELECT 1'), ['other']);
    assert.deepEqual(names('file', '-- connection: cloud\nSELECT 1'), ['cloud (Tool)']);
    assert.deepEqual(names('file', 'SELECT 1 -- connection: other'), ['file'], 'the comment is after the statement');
  });

  it('are listed once each for several statements; the file’s if the cursor is not in a statement', () => {
    assert.deepEqual(names('file', '-- connection: other\nSELECT 1', 'SELECT 2', 'SELECT 3'), ['other', 'file']);
    assert.deepEqual(names('file'), ['file']);
  });

  it('are undefined if the file has no connection', () => {
    assert.deepEqual(names(undefined), [undefined]);
    assert.deepEqual(names(undefined, 'SELECT 1', '-- connection: other\nSELECT 2'), [undefined, 'other']);
  });
});
