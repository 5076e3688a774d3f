import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { SQL_LANGUAGES } from '../../../src/host/editor/languages';

/**
 * The `when` clauses repeat the list, because they must also hold before the extension is activated: a context key would disable the
 * commands and key bindings until then.
 */
describe('SQL languages', () => {
  it('are the same in every when clause of package.json', () => {
    const clauses = readFileSync('package.json', 'utf8').match(/LangId =~ [^ "]+/g) ?? [];
    assert.ok(clauses.length > 10, `only ${clauses.length} clauses found`);
    const expected = `LangId =~ /^(${SQL_LANGUAGES.join('|')})$/`;
    assert.deepEqual(
      clauses.filter((clause) => clause !== expected),
      [],
    );
  });
});
