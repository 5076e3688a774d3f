import assert from 'node:assert/strict';
import { tableColumns } from '../../../src/core/postgres/pgBackground/intoText';
import { directivesOf } from '../../../src/core/sql/directives';
import { intoName, parseInto } from '../../../src/core/sql/intoTable';

describe('the table that stores the rows of a job', () => {
  const read = (text: string): string | undefined => {
    const into = parseInto(text);
    return into && `${intoName(into)} ${into.ifExists}`;
  };

  it('is written as in SQL', () => {
    assert.equal(read('daily'), '"daily" refuse');
    assert.equal(read('Reports.Daily'), '"reports"."daily" refuse');
    assert.equal(read(' "My ""Schema""" . "daily totals" ; '), '"My ""Schema"""."daily totals" refuse');
    assert.equal(read('r.übersicht$1'), '"r"."übersicht$1" refuse');
  });

  it('is followed by what happens if it exists', () => {
    assert.equal(read('reports.daily APPEND'), '"reports"."daily" append');
    assert.equal(read('daily replace'), '"daily" replace');
    assert.equal(read('append'), '"append" refuse');
  });

  for (const text of [
    '',
    'a.b.c',
    'the abyss',
    '1a',
    'a; DROP TABLE b',
    "a'",
    '"a',
    'a\0',
    '"a\0"',
    'pg_temp.a',
    'pg_temp_3.a',
    '""',
  ]) {
    it(`is not ${JSON.stringify(text)}`, () => assert.equal(parseInto(text), undefined));
  }

  it('is named by a comment, which is otherwise ignored with a warning', () => {
    assert.equal(directivesOf('-- into: reports.daily append\nSELECT 1').into, 'reports.daily append');
    const { into, problems } = directivesOf('-- into: the abyss\nSELECT 1');
    assert.equal(into, undefined);
    assert.deepEqual(
      problems.map(({ code }) => code),
      ['directive.invalidTable'],
    );
  });

  it('has columns with names that a table can have', () => {
    assert.deepEqual(tableColumns(['a', 'a', 'a_2', 'ctid', 'xmin', '?column?', '?column?', 'a']), [
      'a',
      'a_3',
      'a_2',
      'ctid_2',
      'xmin_2',
      '?column?',
      '?column?_2',
      'a_4',
    ]);
    const long = 'ä'.repeat(31);
    assert.deepEqual(tableColumns([long, long]), [long, `${'ä'.repeat(30)}_2`]);
  });
});
