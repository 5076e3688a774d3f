import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ESLint } from 'eslint';

/** CONTRIBUTING.md, "Rooms": what each room must not import. Each line is a wall; the lint rule of each must fire. */
const FORBIDDEN: readonly (readonly [file: string, imports: string])[] = [
  ['src/core/jobs/job.ts', 'vscode'],
  ['src/core/jobs/job.ts', 'pg'],
  ['src/core/jobs/job.ts', 'pg-copy-streams'],
  ['src/core/jobs/job.ts', '../../host/text'],
  ['src/core/sql/quote.ts', 'vscode'],
  ['src/core/results/spool.ts', 'pg'],
  ['src/core/postgres/session.ts', 'vscode'],
  ['src/core/postgres/session.ts', '../../host/text'],
  ['src/host/text.ts', 'pg'],
  ['src/extension.ts', 'pg'],
  ['src/shared/resultsProtocol.ts', '../core/jobs/job'],
  ['src/shared/resultsProtocol.ts', 'node:fs'],
  ['src/shared/resultsProtocol.ts', 'vscode'],
  ['webview/results.entry.ts', '../src/core/jobs/job'],
  ['webview/results.entry.ts', '../src/host/text'],
  ['webview/results.entry.ts', 'vscode'],
  ['webview/results.entry.ts', 'pg'],
  ['webview/results.entry.ts', 'node:fs'],
];

/** What each room needs, so that the walls are not simply everywhere. */
const ALLOWED: readonly (readonly [file: string, imports: string])[] = [
  ['src/core/postgres/session.ts', 'pg'],
  ['src/core/jobs/job.ts', '../sql/quote'],
  ['src/host/text.ts', 'vscode'],
  ['src/host/text.ts', '../core/jobs/job'],
  ['src/shared/resultsProtocol.ts', './rowCodec'],
  ['webview/results.entry.ts', '../src/shared/rowCodec'],
];

describe('walls', () => {
  const eslint = new ESLint({
    cwd: process.cwd(),
    // Under CI=true the parser would take what is on disk for the text that it is given.
    overrideConfig: { languageOptions: { parserOptions: { disallowAutomaticSingleRunInference: true } } },
  });

  async function refused(file: string, imports: string): Promise<boolean> {
    // Dynamic configuration by file, with the real rules: the text is not on disk.
    const [result] = await eslint.lintText(`import '${imports}';\n`, { filePath: join(process.cwd(), file) });
    return result?.messages.some(({ ruleId }) => ruleId === 'no-restricted-imports') ?? false;
  }

  for (const [file, imports] of FORBIDDEN) {
    it(`${file} must not import ${imports}`, async () => assert.equal(await refused(file, imports), true));
  }
  for (const [file, imports] of ALLOWED) {
    it(`${file} may import ${imports}`, async () => assert.equal(await refused(file, imports), false));
  }
});
