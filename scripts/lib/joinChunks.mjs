// Joins the chunks of a CommonJS bundle that are always loaded into its entry file: opening some 70 small files takes longer than
// running them.
import { posix } from 'node:path';

const SOURCE_MAP = /\/\/# sourceMappingURL=data:application\/json;base64,(\S+)\s*$/;

/**
 * Joins the entry and the chunks that it requires statically, directly or not. All other chunks stay files of their own, and get the
 * joined ones from the entry's `part` function.
 *
 * @param {string} entry path of the entry file, relative to the working directory
 * @param {ReadonlyMap<string, string>} codes the code of each file, by its path
 * @param {import('esbuild').Metafile} metafile
 * @returns {Map<string, string>} the files to write
 */
export function joinEagerChunks(entry, codes, metafile) {
  const eager = new Set([entry]);
  for (const file of eager) {
    for (const { path, kind } of metafile.outputs[file]?.imports ?? []) {
      if (kind === 'import-statement' && codes.has(path)) eager.add(path);
    }
  }
  /** @type {Map<string, string>} */
  const files = new Map();
  /** @type {Map<string, string>} */
  const parts = new Map();
  for (const [file, code] of codes) {
    const isEager = eager.has(file);
    const linked = code.replaceAll(/\brequire\("(\.[^"]+)"\)/g, (call, /** @type {string} */ name) => {
      const target = posix.join(posix.dirname(file), name);
      const from = posix.dirname(isEager ? entry : file);
      if (!codes.has(target)) return call;
      if (!eager.has(target)) return `require(${relativeTo(from, target)})`;
      return isEager ? `part("${target}")` : `require(${relativeTo(from, entry)}).part("${target}")`;
    });
    (isEager ? parts : files).set(file, linked);
  }
  return files.set(entry, joined(entry, parts));
}

/**
 * @param {string} folder
 * @param {string} file
 * @returns {string} a string literal
 */
function relativeTo(folder, file) {
  const path = posix.relative(folder, file);
  return JSON.stringify(path.startsWith('.') ? path : `./${path}`);
}

/**
 * @param {string} entry
 * @param {ReadonlyMap<string, string>} parts
 * @returns {string}
 */
function joined(entry, parts) {
  let text = '"use strict";const parts={\n';
  /** Each part has its own map, as the format allows. @type {{ offset: { line: number; column: number }; map: unknown }[]} */
  const sections = [];
  // The line, from 0, at which the next part is written.
  let line = 1;
  for (const [file, code] of parts) {
    const [comment, map] = SOURCE_MAP.exec(code) ?? [''];
    // In parentheses, it is compiled at once, instead of being parsed twice.
    const head = `"${file}":(function(module,exports){\n`;
    line++;
    if (map !== undefined) {
      const decoded = JSON.parse(Buffer.from(map, 'base64').toString());
      sections.push({ offset: { line, column: 0 }, map: { ...decoded, sources: moved(decoded.sources, file, entry) } });
    }
    const body = `${code.slice(0, code.length - comment.length).trimEnd()}\n}),\n`;
    line += body.split('\n').length - 1;
    text += head + body;
  }
  text += `};
const loaded=new Map();
function part(name){
let module=loaded.get(name);
if(!module)loaded.set(name,module={exports:{}}),parts[name](module,module.exports);
return module.exports}
module.exports={...part("${entry}"),part};
`;
  if (sections.length === 0) return text;
  const map = Buffer.from(JSON.stringify({ version: 3, sections })).toString('base64');
  return `${text}//# sourceMappingURL=data:application/json;base64,${map}\n`;
}

/**
 * @param {string[]} sources paths relative to a file
 * @param {string} file
 * @param {string} entry
 * @returns {string[]} the same, relative to the entry
 */
function moved(sources, file, entry) {
  return sources.map((source) => posix.relative(posix.dirname(entry), posix.join(posix.dirname(file), source)));
}
