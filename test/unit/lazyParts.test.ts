import assert from 'node:assert/strict';
import { build } from 'esbuild';

describe('the parts of the extension', () => {
  it('that a window may never need are loaded when they are first needed, not with the extension', async () => {
    const { metafile } = await build({
      entryPoints: ['src/extension.ts'],
      outdir: 'dist/never-written',
      bundle: true,
      format: 'esm',
      splitting: true,
      platform: 'node',
      metafile: true,
      write: false,
      logLevel: 'silent',
      external: ['vscode', 'pg-native', 'pg-cloudflare'],
    });
    const eager = new Set(['src/extension.ts']);
    for (const file of eager) {
      for (const { path, kind } of metafile.inputs[file]?.imports ?? []) if (kind !== 'dynamic-import') eager.add(path);
    }
    assert.ok(eager.size > 50, `${eager.size} files`);
    const eagerInEditor = ['editorFeatures', 'editorSnapshot', 'fileDefaults', 'languages', 'lensTarget'];
    const heavy = [
      /^node_modules\/(pg|yaml|jsonc-parser)\//,
      // With the first SQL document.
      new RegExp(`^src/host/editor/(?!(${eagerInEditor.join('|')})\\.ts$)`),
      // With the first connection.
      /connect\/open\/open\.ts$/,
      /postgres\/server\/(sessionOpener|activity)\.ts$/,
      /postgres\/pgBackground\/(session|launchQuery|rowPlan|intoText|foldRows|reportQuery)\.ts$/,
      /postgres\/client\/(serialClient|copyOut|framing)\.ts$/,
      // With the first rows.
      /results\/spool\/(spool|spoolReader|spoolWriter|rowSinks|unfold|lineIndex)\.ts$/,
      // With the first use.
      /results\/compare\//,
      /durable\/(durableJobs|durableServer|plan|setUp|purge)\.ts$|durable\/schema\//,
      /\/cron\.ts$/,
      /host\/tasks\/(?!registerTasks\.ts$)/,
      // With the first job that has ended.
      /host\/jobs\/(endNotices|endedTogether|endHook)\.ts$/,
    ];
    assert.deepEqual(
      [...eager].filter((file) => heavy.some((part) => part.test(file))),
      [],
    );
  });
});
