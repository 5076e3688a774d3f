// Builds the extension, its webviews, and, with --tests, the test bundles. See CONTRIBUTING.md.
//   node scripts/build.mjs [--production] [--tests [--coverage]] [--watch]
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, context, formatMessages, transform } from 'esbuild';
import { joinEagerChunks } from './lib/joinChunks.mjs';
import { bundledPackages } from './lib/thirdPartyNotices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const flags = new Set(process.argv.slice(2));
const production = flags.has('--production');

/** @type {import('esbuild').BuildOptions} */
const common = {
  absWorkingDir: root,
  bundle: true,
  sourcemap: production ? false : 'linked',
  minify: production,
  legalComments: 'none',
  logLevel: 'warning',
  // An import that does not exist must not become a silent `undefined`.
  logOverride: { 'import-is-undefined': 'error' },
};

/**
 * Omits modules that pg requires and the extension never uses: the pool, the native client, and the parsers of connection strings and
 * of the password file (those of the extension are in src/core/postgres/connect).
 * @type {import('esbuild').Plugin}
 */
const omitUnusedPg = {
  name: 'omit-unused-pg',
  setup(build) {
    build.onResolve({ filter: /^(pg-pool|pg-connection-string|pgpass|\.\/native)$/ }, ({ path, importer }) =>
      /[\\/]node_modules[\\/]pg[\\/]lib[\\/]/.test(importer) ? { path, namespace: 'unused' } : undefined,
    );
    build.onLoad({ filter: /./, namespace: 'unused' }, () => ({ contents: 'module.exports = class {};' }));
  },
};

/**
 * Writes the bundles of the extension as CommonJS. Each `import()` has a separate chunk, loaded when it is first needed. What is always
 * loaded is joined into one file.
 * @type {import('esbuild').Plugin}
 */
const writeAsCommonJs = {
  name: 'write-as-commonjs',
  setup(build) {
    build.onEnd(async ({ outputFiles = [], metafile }) => {
      if (!metafile) return;
      /** @type {Map<string, string>} */
      const codes = new Map();
      for (const { path, text } of outputFiles) {
        // For each such import esbuild would copy all of VS Code's API, a fifth of the load time (measured).
        const plain = text.replaceAll(
          /\bimport\s*\*\s*as\s+([\w$]+)\s+from\s*"vscode";/g,
          'const $1 = require("vscode");',
        );
        const { code } = await transform(plain, {
          format: 'cjs',
          platform: 'node',
          target: 'node20',
          charset: 'utf8',
          minify: production,
          sourcemap: production ? false : 'inline',
          // Becomes require(), for which VS Code provides `vscode`.
          supported: { 'dynamic-import': false },
        });
        codes.set(relative(root, path).split(sep).join('/'), code);
      }
      for (const [path, code] of joinEagerChunks('dist/extension.js', codes, metafile)) {
        await mkdir(dirname(join(root, path)), { recursive: true });
        await writeFile(join(root, path), code);
      }
    });
  },
};

/** @type {import('esbuild').BuildOptions} */
const node = {
  ...common,
  platform: 'node',
  // The Node of the oldest supported VS Code (1.100).
  target: 'node20',
  format: 'cjs',
  // Optional dependencies of pg that are not used.
  external: ['vscode', 'pg-native', 'pg-cloudflare'],
};

/**
 * @param {string} folder
 * @param {(name: string) => boolean} wanted
 * @returns {Promise<string[]>}
 */
async function filesUnder(folder, wanted) {
  const entries = await readdir(join(root, folder), { withFileTypes: true, recursive: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile() && wanted(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)).split(sep).join('/'))
    .sort();
}

/** @returns {Promise<import('esbuild').BuildOptions[]>} */
async function bundles() {
  const pages = await filesUnder('webview', (name) => name.endsWith('.entry.ts'));
  /** @type {import('esbuild').BuildOptions[]} */
  const all = [
    {
      ...node,
      entryPoints: { extension: 'src/extension.ts' },
      outdir: 'dist',
      chunkNames: 'chunks/[name]-[hash]',
      // Its main file requires its modules in a way that cannot be bundled.
      alias: { 'jsonc-parser': 'jsonc-parser/lib/esm/main.js' },
      charset: 'utf8',
      // esbuild splits only ESM; the plugin converts the chunks to CommonJS.
      format: 'esm',
      splitting: true,
      sourcemap: production ? false : 'inline',
      write: false,
      metafile: true,
      plugins: [omitUnusedPg, writeAsCommonJs],
    },
    {
      ...common,
      entryPoints: pages.map((page) => ({ in: page, out: page.replace(/^webview\//, '').replace(/\.entry\.ts$/, '') })),
      outdir: 'dist/webview',
      platform: 'browser',
      target: 'chrome130',
      format: 'iife',
      loader: { '.css': 'css', '.svg': 'text' },
    },
  ];
  if (flags.has('--tests')) {
    const tests = await filesUnder('test', (name) => /\.(test|entry|bench)\.ts$/.test(name));
    const pageTests = tests.filter((file) => file.startsWith('test/ui/page/'));
    all.push({
      ...node,
      entryPoints: tests.filter((file) => !pageTests.includes(file)),
      outdir: 'dist/test',
      outbase: 'test',
      sourcemap: 'inline',
      packages: 'external',
      minify: false,
      // Code that is removed from a bundle would count as covered.
      treeShaking: !flags.has('--coverage'),
    });
    if (pageTests.length > 0) {
      all.push({ ...common, entryPoints: pageTests, outdir: 'dist/test', outbase: 'test', format: 'iife' });
    }
  }
  return all.filter((options) => options.entryPoints === undefined || options.entryPoints.length !== 0);
}

/**
 * Reports builds in watch mode: messages in esbuild's format between a line when the first build begins and one when the last
 * has finished. The problem matcher in .vscode/tasks.json reads them.
 *
 * @param {number} count the number of bundles, which are built at the same time
 * @returns {import('esbuild').Plugin}
 */
function watchReporter(count) {
  let running = count;
  process.stdout.write('[watch] build started\n');
  const seen = new Set();
  return {
    name: 'watch-reporter',
    setup(build) {
      const bundle = Symbol('bundle');
      build.onStart(() => {
        // The first build of each bundle is counted from the beginning, so that "finished" means all of them.
        if (!seen.has(bundle)) seen.add(bundle);
        else if (running++ === 0) process.stdout.write('[watch] build started\n');
      });
      build.onEnd(async ({ errors, warnings }) => {
        const color = process.stdout.isTTY;
        const lines = [
          ...(await formatMessages(errors, { kind: 'error', color })),
          ...(await formatMessages(warnings, { kind: 'warning', color })),
        ];
        process.stdout.write(lines.join(''));
        if (--running === 0) process.stdout.write('[watch] build finished\n');
      });
    },
  };
}

if (flags.has('--watch')) {
  const watched = await bundles();
  const reporter = watchReporter(watched.length);
  for (const options of watched) {
    const plugins = [...(options.plugins ?? []), reporter];
    await (await context({ ...options, plugins, logLevel: 'silent' })).watch();
  }
} else {
  await rm(join(root, 'dist'), { recursive: true, force: true });
  const product = (await bundles()).map((options) => build({ ...options, metafile: true }));
  const metafiles = (await Promise.all(product)).map(({ metafile }) => metafile);
  // For the third-party notices in the package (package.mjs), of which tests are not a part.
  const shipped = metafiles.filter(
    ({ outputs }) => !Object.keys(outputs).some((file) => file.startsWith('dist/test/')),
  );
  await writeFile(join(root, 'dist', 'packages.json'), JSON.stringify(bundledPackages(shipped)));
}
