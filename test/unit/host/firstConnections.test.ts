import assert from 'node:assert/strict';
import { FirstConnections } from '../../../src/host/connections/firstConnections';

describe('default connection without a setting', () => {
  let kept: Map<string, unknown>;
  const memory = () => ({
    get: <T>(key: string, value?: T) => (kept.get(key) as T | undefined) ?? value,
    update: (key: string, value: unknown) => Promise.resolve(void kept.set(key, value)),
  });
  let first: FirstConnections;
  beforeEach(() => {
    kept = new Map();
    first = new FirstConnections(memory());
  });

  it('is the first connection, and stays the default when others are added before it, also after a reload', () => {
    first.note(['local']);
    first.note(['shop of the workspace', 'local', 'other']);
    assert.equal(first.first(['shop of the workspace', 'local', 'other']), 'local');
    const reloaded = new FirstConnections(memory());
    reloaded.note(['newest', 'shop of the workspace', 'local']);
    assert.equal(reloaded.first(['newest', 'shop of the workspace', 'local']), 'local');
    assert.equal(
      new FirstConnections({ ...memory(), get: (_: string, value?: unknown) => value as never }).first(['a', 'b']),
      'a',
    );
  });

  it('is the next connection while the first is missing, and for good after the first is removed', () => {
    first.note(['a', 'b', 'c']);
    assert.equal(first.first(['c', 'b']), 'b', 'the first is missing, for example while settings are edited');
    assert.equal(first.first(['c', 'b', 'a']), 'a');
    first.forget('a');
    first.note(['a', 'b', 'c']);
    assert.equal(first.first(['a', 'b', 'c']), 'b', 'a new connection with the name of the removed one');
    assert.equal(first.first([]), undefined);
  });

  it('follows a renamed connection', () => {
    first.note(['a', 'b']);
    first.rename('a', 'z');
    first.note(['b', 'z']);
    assert.equal(first.first(['b', 'z']), 'z');
  });
});
