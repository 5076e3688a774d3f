// Measures the budgets of docs/internals/design.md: `npm run bench [-- NAME …]`. Prints a table with each figure next to a reference
// measured in the same run and its budget, and writes test-results/bench.json. Exits with 1 if a budget is exceeded.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ensureDependencies } from './ensure-deps.mjs';
import { repoRoot } from './lib/cache.mjs';
import { run, log, runScript } from './lib/process.mjs';

/**
 * @typedef {object} Figure
 * @property {string} name
 * @property {number} value median of the rounds, unless the name says otherwise
 * @property {string} unit
 * @property {number} [reference] measured in the same run
 * @property {string} [referenceName]
 * @property {string} [budget] as in docs/internals/design.md
 * @property {boolean} [ok] whether the budget is met
 */

/** @param {number} value */
function number(value) {
  if (Math.abs(value) >= 100) return Math.round(value).toLocaleString('en-US');
  return String(Number(value.toPrecision(3)));
}

/** @param {Figure[]} figures */
function table(figures) {
  const rows = [
    ['what', 'measured', 'reference', 'ratio', 'budget', ''],
    ...figures.map(({ name, value, unit, reference, referenceName, budget, ok }) => [
      name,
      `${number(value)} ${unit}`,
      reference === undefined ? '' : `${number(reference)} ${unit} ${referenceName ?? ''}`.trim(),
      reference === undefined || reference === 0 ? '' : number(value / reference),
      budget ?? '',
      ok === undefined ? '' : ok ? 'ok' : 'MISSED',
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column]))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

async function main() {
  const selected = process.argv.slice(2);
  await ensureDependencies({ log });
  await run(process.execPath, ['scripts/build.mjs', '--tests'], { cwd: repoRoot });
  const folder = join(repoRoot, 'dist/test/bench');
  const files = (await readdir(folder)).filter((name) => name.endsWith('.bench.js')).sort();
  /** @type {Figure[]} */
  const figures = [];
  for (const file of files) {
    const name = basename(file, '.bench.js');
    if (selected.length > 0 && !selected.includes(name)) continue;
    log(`Benchmark: ${name}.`);
    /** @type {{ bench(): Promise<Figure[]> }} */
    const { bench } = await import(pathToFileURL(join(folder, file)).href);
    figures.push(...(await bench()));
  }
  process.stdout.write(`\n${table(figures)}\n`);
  await mkdir(join(repoRoot, 'test-results'), { recursive: true });
  const report = { at: new Date().toISOString(), node: process.version, cpus: cpus().length, figures };
  await writeFile(join(repoRoot, 'test-results/bench.json'), `${JSON.stringify(report, null, 2)}\n`);
  return figures.some(({ ok }) => ok === false) ? 1 : 0;
}

runScript(main);
