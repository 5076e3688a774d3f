import assert from 'node:assert/strict';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface CoverageScripts {
  countsOf(
    length: number,
    functions: readonly { readonly ranges: readonly { startOffset: number; endOffset: number; count: number }[] }[],
  ): Uint32Array;
  segmentsOf(mappings: string): Iterable<{ line: number; column: number; source: number; sourceLine: number }>;
  combineCoverage(
    levels: readonly ReadonlyMap<string, ReadonlyMap<number, number>>[],
  ): Map<string, Map<number, number>>;
  coverageTable(files: ReadonlyMap<string, ReadonlyMap<number, number>>): string;
}

describe('coverage', () => {
  let scripts: CoverageScripts;
  before(async () => {
    const file = pathToFileURL(join(process.cwd(), 'scripts/lib/coverage.mjs')).href;
    scripts = (await import(file)) as CoverageScripts;
  });

  it('counts an inner range instead of the enclosing one', () => {
    const ranges = [
      { startOffset: 2, endOffset: 6, count: 0 },
      { startOffset: 0, endOffset: 8, count: 3 },
      { startOffset: 3, endOffset: 5, count: 2 },
    ];
    assert.deepEqual([...scripts.countsOf(8, [{ ranges }])], [3, 3, 0, 2, 2, 0, 3, 3]);
  });

  it('reads the mappings of a source map', () => {
    assert.deepEqual(
      [...scripts.segmentsOf('AAAA,IAAM;;ACCA,ODDA')],
      [
        { line: 0, column: 0, source: 0, sourceLine: 0 },
        { line: 0, column: 4, source: 0, sourceLine: 0 },
        { line: 2, column: 0, source: 1, sourceLine: 1 },
        { line: 2, column: 7, source: 0, sourceLine: 0 },
      ],
    );
  });

  it('sums the lines of several levels', () => {
    const unit = new Map([
      [
        'src/a.ts',
        new Map([
          [0, 1],
          [1, 0],
          [2, 0],
        ]),
      ],
    ]);
    const server = new Map([
      [
        'src/a.ts',
        new Map([
          [0, 1],
          [1, 3],
          [2, 0],
        ]),
      ],
      ['src/b.ts', new Map([[0, 0]])],
    ]);
    const combined = scripts.combineCoverage([unit, server]);
    assert.deepEqual(
      [...combined.get('src/a.ts')!],
      [
        [0, 2],
        [1, 3],
        [2, 0],
      ],
    );
    assert.deepEqual([...combined.get('src/b.ts')!], [[0, 0]]);
  });

  it('shows 0 % for a file that no test loads', () => {
    const table = scripts.coverageTable(
      new Map([
        ['src/never.ts', new Map([0, 1, 4].map((line) => [line, 0]))],
        ['src/half.ts', new Map([0, 1].map((line) => [line, line]))],
      ]),
    );
    assert.match(table, /^src\/half\.ts +50\.0 % +1\/2 {2}1$/m);
    assert.match(table, /^src\/never\.ts +0\.0 % +0\/3 {2}1-2, 5$/m);
    assert.match(table, /^all of src +20\.0 % +1\/5$/m);
  });
});
