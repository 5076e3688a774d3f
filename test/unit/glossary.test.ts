import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join, posix } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ESLint } from 'eslint';

interface Glossary {
  readonly NOT_CLEAN: readonly string[];
  findInProse(text: string): readonly { readonly index: number; readonly words: string }[];
  findInIdentifier(name: string): readonly { readonly words: string }[];
  isChecked(file: string): boolean;
  checkDocument(file: string, text: string): readonly string[];
}

const DOCUMENTS = [
  ...readdirSync('.').filter((file) => file.endsWith('.md') || /^package(\.nls.*)?\.json$/.test(file)),
  ...readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.md'))
    .map((file) => posix.join('docs', file.replaceAll('\\', '/'))),
];

describe('the glossary', () => {
  let glossary: Glossary;
  before(async () => {
    glossary = (await import(pathToFileURL(join(process.cwd(), 'scripts/lint/glossary.mjs')).href)) as Glossary;
  });

  it('finds avoided words in prose, and only whole words', () => {
    const words = (text: string): string[] => glossary.findInProse(text).map((finding) => finding.words);
    assert.deepEqual(words('What nobody was told counts as not there.'), ['nobody', 'told', 'counts as not there']);
    assert.deepEqual(words('An intellectual retold outlet goes, and mostly hurries.'), []);
    assert.deepEqual(words('It has not to wait, so it was let go.'), ['has not to', 'let go']);
  });

  it('finds avoided words in identifiers of any style', () => {
    const words = (name: string): string[] => glossary.findInIdentifier(name).map((finding) => finding.words);
    assert.deepEqual(words('told'), ['told']);
    assert.deepEqual(words('letGo'), ['let Go']);
    assert.deepEqual(words('MOST_ROWS'), ['MOST']);
    assert.deepEqual(words('almostDone'), []);
    assert.deepEqual(words('maxRows'), []);
  });

  it('allows exact words in a marked line and the next one', () => {
    const text = '<!-- glossary: allow nobody -->\nRun as nobody.\nNot as nobody.\n';
    assert.deepEqual(
      glossary.checkDocument('x.md', text).map((finding) => finding.slice(0, 'x.md:3'.length)),
      ['x.md:3'],
    );
  });

  it('is checked by lint in comments, strings, templates, and names', async () => {
    const eslint = new ESLint({ overrideConfigFile: 'eslint.config.mjs' });
    const code = "// told\nconst letGo = 'nobody';\nexport const x = `${letGo} for want of`;\n";
    const [result] = await eslint.lintText(code, { filePath: 'scripts/example.mjs' });
    const found = result?.messages.filter(({ ruleId }) => ruleId === 'project/glossary') ?? [];
    assert.deepEqual(
      found.map(({ line }) => line),
      [1, 2, 2, 3, 3],
    );
  });

  it('holds in every document and in package.json', () => {
    assert.ok(DOCUMENTS.length > 10);
    const wrong = DOCUMENTS.filter((file) => glossary.isChecked(file)).flatMap((file) =>
      glossary.checkDocument(file, readFileSync(file, 'utf8')),
    );
    assert.deepEqual(wrong, []);
  });

  it('lists only files that exist as not clean yet', () => {
    assert.deepEqual(
      glossary.NOT_CLEAN.filter((path) => !existsSync(path)),
      [],
    );
  });
});
