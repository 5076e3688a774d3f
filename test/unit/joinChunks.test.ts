import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';

type Join = (entry: string, codes: ReadonlyMap<string, string>, metafile: unknown) => Map<string, string>;

/** A program with a chunk that is always loaded, one that it loads later, and one that both use. */
const CODES = {
  'dist/main.js': `const a=require("./chunks/a.js");console.log(a.name);require("node:path");
Promise.resolve().then(()=>require("./chunks/later.js")).then((later)=>later.run());module.exports={a}`,
  'dist/chunks/a.js': `const b=require("./b.js");module.exports={name:"a, "+b.name}`,
  'dist/chunks/b.js': `console.log("b runs");module.exports={name:"b"}`,
  'dist/chunks/later.js': `const b=require("./b.js");module.exports={run(){console.log("later, "+b.name);throw new Error("late")}}`,
};
const staticImport = (path: string): object => ({ path, kind: 'import-statement' });
const METAFILE = {
  outputs: {
    'dist/main.js': {
      imports: [
        staticImport('dist/chunks/a.js'),
        staticImport('node:path'),
        { path: 'dist/chunks/later.js', kind: 'dynamic-import' },
      ],
    },
    'dist/chunks/a.js': { imports: [staticImport('dist/chunks/b.js')] },
    'dist/chunks/b.js': { imports: [] },
    'dist/chunks/later.js': { imports: [staticImport('dist/chunks/b.js')] },
  },
};

describe('joined chunks', () => {
  let joinEagerChunks: Join;
  let folder: string;

  before(async () => {
    // Imported at run time, so that the script is not bundled into this file.
    const script = pathToFileURL(join(process.cwd(), 'scripts/lib/joinChunks.mjs')).href;
    ({ joinEagerChunks } = (await import(script)) as { joinEagerChunks: Join });
    folder = await mkdtemp(join(tmpdir(), 'pgbg-join-'));
  });
  after(() => rm(folder, { recursive: true }));

  it('contain what is always loaded, run each part once, and share it with the chunks that are loaded later', async () => {
    const files = joinEagerChunks('dist/main.js', new Map(Object.entries(CODES)), METAFILE);
    assert.deepEqual([...files.keys()], ['dist/chunks/later.js', 'dist/main.js']);
    for (const [file, code] of files) {
      await mkdir(dirname(join(folder, file)), { recursive: true });
      await writeFile(join(folder, file), code);
    }
    const ended = await promisify(execFile)(process.execPath, [join(folder, 'dist/main.js')]).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    assert.equal(ended.stdout, 'b runs\na, b\nlater, b\n');
    assert.match(ended.stderr, /Error: late/);
  });

  it('map positions to the sources of each part', () => {
    const map = { version: 3, sources: ['../../src/b.ts'], names: [], mappings: 'AAAA' };
    const comment = `//# sourceMappingURL=data:application/json;base64,${Buffer.from(JSON.stringify(map)).toString('base64')}`;
    const codes = { ...CODES, 'dist/chunks/b.js': `${CODES['dist/chunks/b.js']}\n${comment}\n` };
    const joined = joinEagerChunks('dist/main.js', new Map(Object.entries(codes)), METAFILE).get('dist/main.js')!;
    const [, encoded = ''] = /base64,(\S+)\s*$/.exec(joined)!;
    const { sections } = JSON.parse(Buffer.from(encoded, 'base64').toString()) as {
      sections: { offset: { line: number; column: number }; map: { sources: string[] } }[];
    };
    const line = joined.split('\n').findIndex((text) => text.includes('b runs'));
    assert.deepEqual(sections, [{ offset: { line, column: 0 }, map: { ...map, sources: ['../src/b.ts'] } }]);
  });
});
