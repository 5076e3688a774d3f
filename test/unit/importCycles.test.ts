import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Returns every module of the extension and its pages with the modules that it imports, including imports of types only. */
function importGraph(): Map<string, readonly string[]> {
  const files = ['src', 'webview'].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.ts') && !name.endsWith('.d.ts'))
      .map((name) => join(folder, name)),
  );
  const known = new Set(files);
  return new Map(
    files.map((file) => {
      const imports = [...readFileSync(file, 'utf8').matchAll(/\b(?:from|import)\s*\(?\s*'(\.[^']*)'/g)];
      const targets = imports.map(([, path = '']) => `${join(dirname(file), path)}.ts`);
      return [file, targets.filter((target) => known.has(target))];
    }),
  );
}

/** Returns one cycle for each import that closes a cycle. */
function cyclesOf(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const start = path.indexOf(file);
    if (start >= 0) cycles.push([...path.slice(start), file]);
    if (start >= 0 || done.has(file)) return;
    path.push(file);
    for (const target of graph.get(file) ?? []) visit(target);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}

describe('imports', () => {
  it('form no cycles, even by types only', () => {
    const graph = importGraph();
    assert.ok(graph.size > 200, `only ${graph.size} modules found`);
    assert.deepEqual(
      cyclesOf(graph).map((cycle) => cycle.join(' → ')),
      [],
    );
  });

  it('of an example with a cycle are reported', () => {
    const graph = new Map([
      ['a', ['b', 'c']],
      ['b', ['c']],
      ['c', ['a']],
    ]);
    assert.deepEqual(cyclesOf(graph), [['a', 'b', 'c', 'a']]);
  });
});
