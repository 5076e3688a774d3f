import assert from 'node:assert/strict';
import { build } from 'esbuild';

describe('the parts of the extension', () => {
  it('that connect are loaded with the first connection, not with the extension', async () => {
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
    const heavy =
      /^node_modules\/(pg|yaml|jsonc-parser)\/|editor\/(editorCommands|prepareLaunch)\.ts$|connect\/open\/open\.ts$|durable\/(durableJobs|durableServer|plan|setUp|purge)\.ts$|durable\/schema\/|\/cron\.ts$/;
    assert.deepEqual(
      [...eager].filter((file) => heavy.test(file)),
      [],
    );
  });
});
