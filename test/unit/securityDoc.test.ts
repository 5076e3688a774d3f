import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const text = readFileSync('docs/SECURITY.md', 'utf8');

/** The rows of all tables of threats. */
const rows = text
  .split('\n')
  .filter((line) => line.startsWith('|') && !/^\|\s*(Threat|-+)\s*\|/.test(line))
  .map((line) => line.slice(1, -1).split('|'));

describe('docs/SECURITY.md', () => {
  it('names a mitigation and a test for each threat', () => {
    assert.ok(rows.length > 30, `${rows.length} rows`);
    for (const row of rows) {
      assert.equal(row.length, 3, row.join('|'));
      const [threat = '', done = '', test = ''] = row;
      assert.ok(threat.trim().length > 10 && done.trim().length > 10, row.join('|'));
      assert.match(test, /^ `(unit|server|extension|ui)\/[^`]+`(, `(unit|server|extension|ui)\/[^`]+`)* *$/, threat);
    }
  });

  it('names tests that exist', () => {
    const named = [...text.matchAll(/`((?:unit|server|extension|ui)\/[\w/]+)`/g)].map(([, name = '']) => name);
    assert.ok(named.length > 40);
    assert.deepEqual(
      named.filter((name) => !existsSync(join('test', `${name}.test.ts`))),
      [],
    );
  });

  it('is right about tls: VS Code replaces `tls` and `net`, but not `node:tls` and `node:net`', () => {
    const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
    const replaced = files.filter((file) =>
      /(from|import|require)\s*\(?\s*['"](tls|net|https?)['"]/.test(readFileSync(join('src', file), 'utf8')),
    );
    assert.deepEqual(replaced, []);
  });
});
