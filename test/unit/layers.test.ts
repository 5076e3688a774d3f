import assert from 'node:assert/strict';
import { join } from 'node:path';
import { ESLint } from 'eslint';

/** Imports that each layer must not have (CONTRIBUTING.md, "Layers"). The lint rule must fire for each. */
const FORBIDDEN: readonly (readonly [file: string, imports: string])[] = [
  ['src/core/jobs/job.ts', 'vscode'],
  ['src/core/jobs/job.ts', 'pg'],
  ['src/core/jobs/job.ts', 'pg-copy-streams'],
  ['src/core/jobs/job.ts', '../../host/jobs/jobText'],
  ['src/core/sql/quote.ts', 'vscode'],
  ['src/core/results/spool/spool.ts', 'pg'],
  ['src/core/postgres/pgBackground/session.ts', 'vscode'],
  ['src/core/postgres/pgBackground/session.ts', '../../host/jobs/jobText'],
  ['src/host/jobs/jobText.ts', 'pg'],
  ['src/extension.ts', 'pg'],
  ['src/api.ts', './core/jobs/job'],
  ['src/api.ts', './shared/rowCodec'],
  ['src/api.ts', 'vscode'],
  ['src/host/launch/launcher.ts', '../editor/editorTargets'],
  ['src/host/launch/launcher.ts', '../commands/register'],
  ['src/host/launch/launcher.ts', 'pg'],
  ['src/host/editor/editorCommands.ts', '../commands/register'],
  ['src/host/editor/editorCommands.ts', 'pg'],
  ['src/shared/resultsProtocol.ts', '../core/jobs/job'],
  ['src/shared/resultsProtocol.ts', 'node:fs'],
  ['src/shared/resultsProtocol.ts', 'vscode'],
  ['webview/results.entry.ts', '../src/core/jobs/job'],
  ['webview/results.entry.ts', '../src/host/jobs/jobText'],
  ['webview/results.entry.ts', 'vscode'],
  ['webview/results.entry.ts', 'pg'],
  ['webview/results.entry.ts', 'node:fs'],
  ['webview/results.entry.ts', 'valibot'],
  ['webview/results.entry.ts', '../src/shared/resultsRequests'],
];

/** Imports that layers need, so that the rules do not simply forbid everything. */
const ALLOWED: readonly (readonly [file: string, imports: string])[] = [
  ['src/core/postgres/pgBackground/session.ts', 'pg'],
  ['src/core/jobs/job.ts', '../sql/quote'],
  ['src/host/jobs/jobText.ts', 'vscode'],
  ['src/host/editor/editorCommands.ts', '../launch/launcher'],
  ['src/host/commands/register.ts', '../editor/editorFeatures'],
  ['src/host/jobs/jobText.ts', '../core/jobs/job'],
  ['src/shared/resultsProtocol.ts', './rowCodec'],
  ['src/shared/resultsRequests.ts', 'valibot'],
  ['webview/results.entry.ts', '../src/shared/rowCodec'],
];

/** Ways to show text that bypass src/host/base/ui.ts. */
const SHOWS_TEXT: readonly string[] = [
  ...['Information', 'Warning', 'Error'].map((kind) => `void vscode.window.show${kind}Message('x');`),
  'void vscode.window.showInputBox({});',
  'void vscode.window.showQuickPick([]);',
  'vscode.window.createQuickPick();',
  'vscode.window.createInputBox();',
  "vscode.window.setStatusBarMessage('x');",
  'vscode.window.createStatusBarItem();',
  'void vscode.window.withProgress({ location: 1 }, async () => undefined);',
  "vscode.window.createWebviewPanel('x', 'x', 1);",
  "vscode.window.createTreeView('x', undefined);",
  "vscode.window['showErrorMessage']('x');",
  "vscode['window'].showErrorMessage('x');",
  'const { showErrorMessage } = vscode.window;',
  'const other = vscode.window;',
  'const { window } = vscode;',
  "import { window } from 'vscode';",
  "import { MarkdownString } from 'vscode';",
  "new vscode.MarkdownString('x');",
  "new vscode.Diagnostic(range, 'x');",
  'vscode.languages.registerCodeLensProvider([], lenses);',
];

const SHOWS_NO_TEXT: readonly string[] = [
  'void vscode.window.showTextDocument(document);',
  'vscode.window.onDidChangeActiveTextEditor(() => undefined);',
  'export const editor = vscode.window.activeTextEditor;',
  'export type Text = vscode.MarkdownString;',
];

const SETS_MARKUP: readonly string[] = [
  "document.body.innerHTML = 'x';",
  "document.body.insertAdjacentHTML('beforeend', 'x');",
];

describe('layers', () => {
  const eslint = new ESLint({
    cwd: process.cwd(),
    // With CI=true the parser would read the file on disk instead of the given text.
    overrideConfig: { languageOptions: { parserOptions: { disallowAutomaticSingleRunInference: true } } },
  });

  async function isForbidden(file: string, imports: string): Promise<boolean> {
    // The real configuration of the file, for a text that is not on disk.
    const [result] = await eslint.lintText(`import '${imports}';\n`, { filePath: join(process.cwd(), file) });
    return result?.messages.some(({ ruleId }) => ruleId?.endsWith('no-restricted-imports')) ?? false;
  }

  /** Rules that lint reports for a text, as if it were in this file. */
  async function rulesFor(file: string, text: string): Promise<(string | null)[]> {
    const [result] = await eslint.lintText(text, { filePath: join(process.cwd(), file) });
    return result?.messages.map(({ ruleId }) => ruleId) ?? [];
  }

  for (const text of SHOWS_TEXT) {
    it(`only src/host/base/ui.ts may contain: ${text}`, async () => {
      const code = text.startsWith('import') ? `${text}\n` : `import * as vscode from 'vscode';\n${text}\n`;
      for (const file of ['src/host/jobs/jobText.ts', 'src/extension.ts']) {
        assert.ok((await rulesFor(file, code)).includes('no-restricted-syntax'), file);
      }
      assert.ok(!(await rulesFor('src/host/base/ui.ts', code)).includes('no-restricted-syntax'));
    });
  }
  for (const text of SHOWS_NO_TEXT) {
    it(`any file of the host may contain: ${text}`, async () => {
      const rules = await rulesFor('src/host/jobs/jobText.ts', `import * as vscode from 'vscode';\n${text}\n`);
      assert.ok(!rules.includes('no-restricted-syntax'));
    });
  }
  for (const text of SETS_MARKUP) {
    it(`a page must not contain: ${text}`, async () => {
      assert.ok((await rulesFor('webview/base/dom.ts', `${text}\n`)).includes('no-restricted-properties'));
    });
  }

  for (const text of [
    'class A { private b = 1; }',
    'class A { private b() {} }',
    'class A { constructor(private readonly b: number) {} }',
  ]) {
    it(`private members are #name, not: ${text}`, async () => {
      for (const file of ['src/core/jobs/job.ts', 'src/host/jobs/jobText.ts', 'webview/base/dom.ts', 'test/gate.ts']) {
        assert.ok((await rulesFor(file, `export ${text}\n`)).includes('no-restricted-syntax'), file);
      }
    });
  }

  for (const [file, imports] of FORBIDDEN) {
    it(`${file} must not import ${imports}`, async () => assert.equal(await isForbidden(file, imports), true));
  }
  it('webview/results.entry.ts may import the types of ../src/shared/resultsRequests', async () => {
    const text = "import type { FromPage } from '../src/shared/resultsRequests';\nexport type A = FromPage;\n";
    const rules = await rulesFor('webview/results.entry.ts', text);
    assert.deepEqual(
      rules.filter((rule) => rule?.endsWith('no-restricted-imports')),
      [],
    );
  });
  for (const [file, imports] of ALLOWED) {
    it(`${file} may import ${imports}`, async () => assert.equal(await isForbidden(file, imports), false));
  }
});
