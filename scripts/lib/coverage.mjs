// Line coverage of src. The tests are bundles, each with a copy of the modules it imports, so V8's counts are mapped back through
// the source maps and summed. Only lines from which code was generated are counted.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { transform } from 'esbuild';

/** @typedef {Map<number, number>} Lines how many times each zero-based line ran */
/** @typedef {{ startOffset: number, endOffset: number, count: number }} Range */

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';

/**
 * @param {string} mappings of a source map (https://tc39.es/ecma426/)
 * @returns {Generator<{ line: number, column: number, source: number, sourceLine: number }>} all zero-based
 */
export function* segmentsOf(mappings) {
  let source = 0;
  let sourceLine = 0;
  for (const [line, text] of mappings.split(';').entries()) {
    let column = 0;
    for (const segment of text === '' ? [] : text.split(',')) {
      const numbers = vlq(segment);
      column += numbers[0] ?? 0;
      if (numbers.length < 4) continue;
      source += numbers[1] ?? 0;
      sourceLine += numbers[2] ?? 0;
      yield { line, column, source, sourceLine };
    }
  }
}

/**
 * @param {string} segment
 * @returns {number[]}
 */
function vlq(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const character of segment) {
    const digit = BASE64.indexOf(character);
    value += (digit & 31) << shift;
    if (digit & 32) {
      shift += 5;
    } else {
      numbers.push(value & 1 ? -(value >> 1) : value >> 1);
      value = 0;
      shift = 0;
    }
  }
  return numbers;
}

/**
 * @param {number} length of the script
 * @param {{ ranges: Range[] }[]} functions as V8 reports them: an inner range overrides the enclosing one
 * @returns {Uint32Array} how many times each character ran
 */
export function countsOf(length, functions) {
  const counts = new Uint32Array(length);
  const ranges = functions.flatMap((entry) => entry.ranges);
  ranges.sort((a, b) => b.endOffset - b.startOffset - (a.endOffset - a.startOffset));
  for (const { startOffset, endOffset, count } of ranges) counts.fill(count, startOffset, endOffset);
  return counts;
}

/**
 * Adds the counts of one script to the lines of its sources.
 *
 * @param {Map<string, Lines>} files by path in the repository
 * @param {string} script
 * @param {string} file its path
 * @param {{ ranges: Range[] }[]} functions
 * @param {string} root
 */
function addScript(files, script, file, functions, root) {
  const encoded = /\/\/# sourceMappingURL=data:application\/json;base64,([A-Za-z0-9+/=]+)\s*$/.exec(script)?.[1];
  if (encoded === undefined) return;
  const map = JSON.parse(Buffer.from(encoded, 'base64').toString('utf8'));
  const counts = countsOf(script.length, functions);
  const starts = [0];
  for (let at = script.indexOf('\n'); at >= 0; at = script.indexOf('\n', at + 1)) starts.push(at + 1);
  const sources = map.sources.map((/** @type {string} */ source) =>
    path
      .relative(root, path.resolve(path.dirname(file), source))
      .split(path.sep)
      .join('/'),
  );
  // Within one script, the count of a line is that of its most executed part.
  /** @type {Map<string, Lines>} */
  const own = new Map();
  for (const { line, column, source, sourceLine } of segmentsOf(map.mappings)) {
    const name = sources[source];
    if (!name?.startsWith('src/')) continue;
    const lines = own.get(name) ?? new Map();
    own.set(name, lines);
    const count = counts[(starts[line] ?? 0) + column] ?? 0;
    lines.set(sourceLine, Math.max(lines.get(sourceLine) ?? 0, count));
  }
  for (const [name, lines] of own) {
    const all = files.get(name) ?? new Map();
    files.set(name, all);
    for (const [line, count] of lines) all.set(line, (all.get(line) ?? 0) + count);
  }
}

/**
 * Reads and sums the files that V8 wrote (NODE_V8_COVERAGE). Files of src that no test loaded are included, with 0 for each line.
 *
 * @param {string} folder
 * @param {string} root the repository
 * @returns {Promise<Map<string, Lines>>}
 */
export async function readCoverage(folder, root) {
  /** @type {Map<string, Lines>} */
  const files = new Map();
  for (const name of await readdir(folder)) {
    const { result } = JSON.parse(await readFile(path.join(folder, name), 'utf8'));
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const file = fileURLToPath(url);
      if (!file.startsWith(path.join(root, 'dist/test') + path.sep)) continue;
      addScript(files, await readFile(file, 'utf8'), file, functions, root);
    }
  }
  for (const entry of await readdir(path.join(root, 'src'), { withFileTypes: true, recursive: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const file = path.join(entry.parentPath, entry.name);
    const name = path.relative(root, file).split(path.sep).join('/');
    if (files.has(name)) continue;
    // Files that only declare types generate no code, so they have no lines.
    const { map } = await transform(await readFile(file, 'utf8'), {
      loader: 'ts',
      sourcemap: 'external',
      format: 'esm',
    });
    files.set(name, new Map([...segmentsOf(JSON.parse(map).mappings)].map(({ sourceLine }) => [sourceLine, 0])));
  }
  return files;
}

/**
 * @param {Map<string, Lines>} files
 * @returns {string} a table of the files with their covered lines, all lines, and the missed ones; the last row is the total
 */
export function coverageTable(files) {
  const rows = [...files]
    .filter(([, lines]) => lines.size > 0)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, lines]) => {
      const missed = [...lines].filter(([, count]) => count === 0).map(([line]) => line + 1);
      return { name, total: lines.size, run: lines.size - missed.length, missed: missed.sort((a, b) => a - b) };
    });
  const total = rows.reduce((sum, row) => sum + row.total, 0);
  const run = rows.reduce((sum, row) => sum + row.run, 0);
  const all = [...rows, { name: 'all of src', total, run, missed: [] }];
  const width = Math.max(...all.map(({ name }) => name.length));
  return all
    .map(({ name, total: of, run: ran, missed }) =>
      `${name.padEnd(width)} ${((100 * ran) / of).toFixed(1).padStart(5)} %  ${`${ran}/${of}`.padStart(11)}  ${spans(missed)}`.trimEnd(),
    )
    .join('\n');
}

/**
 * @param {number[]} lines
 * @returns {string} for example "3-5, 9"
 */
function spans(lines) {
  const found = [];
  for (let at = 0; at < lines.length;) {
    let end = at;
    while (lines[end + 1] === (lines[end] ?? 0) + 1) end++;
    found.push(end === at ? `${lines[at]}` : `${lines[at]}-${lines[end]}`);
    at = end + 1;
  }
  return found.length > 12 ? `${found.slice(0, 12).join(', ')} …` : found.join(', ');
}

/**
 * Sums the lines of several levels.
 *
 * @param {readonly Map<string, Lines>[]} levels
 * @returns {Map<string, Lines>}
 */
export function combineCoverage(levels) {
  /** @type {Map<string, Lines>} */
  const sum = new Map();
  for (const [name, lines] of levels.flatMap((level) => [...level])) {
    const all = sum.get(name) ?? new Map();
    sum.set(name, all);
    for (const [line, count] of lines) all.set(line, (all.get(line) ?? 0) + count);
  }
  return sum;
}

/**
 * Prints the table and writes it to coverage/LEVEL.txt, and the sum of all levels that have run to coverage/combined.txt.
 *
 * @param {string} folder with V8's files
 * @param {string} level
 * @param {string} root
 */
export async function reportCoverage(folder, level, root) {
  const files = await readCoverage(folder, root);
  const table = coverageTable(files);
  const output = path.join(root, 'coverage');
  await mkdir(output, { recursive: true });
  await writeFile(path.join(output, `${level}.txt`), `${table}\n`);
  await writeFile(
    path.join(output, `${level}.json`),
    JSON.stringify([...files].map(([name, lines]) => [name, [...lines]])),
  );
  process.stdout.write(`\nLines of src covered by the ${level} tests:\n${table}\n`);
  const names = (await readdir(output)).filter((name) => name.endsWith('.json'));
  if (names.length < 2) return;
  /** @type {[string, [number, number][]][][]} */
  const levels = await Promise.all(
    names.map(async (name) => JSON.parse(await readFile(path.join(output, name), 'utf8'))),
  );
  const combined = combineCoverage(
    levels.map((entries) => new Map(entries.map(([name, lines]) => [name, new Map(lines)]))),
  );
  const core = new Map([...combined].filter(([name]) => name.startsWith('src/core/')));
  const summary = `${coverageTable(combined)}\n${coverageTable(core).split('\n').at(-1)?.replace('all of src', 'src/core  ')}\n`;
  await writeFile(path.join(output, 'combined.txt'), summary);
  process.stdout.write(
    `\nTogether (${names.map((name) => name.replace('.json', '')).join(', ')}):\n${summary.split('\n').slice(-3).join('\n')}`,
  );
}
