import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import ts from 'typescript';

/** The languages in which every text must exist. */
const LANGUAGES: readonly string[] = ['de'];

type Texts = Readonly<Record<string, string>>;

/** A call of `l10n.t`. */
interface Call {
  /** File and line, for messages. */
  readonly position: string;
  /** Undefined if the first argument is not a string literal. */
  readonly text: string | undefined;
  readonly argumentCount: number;
}

function readTexts(file: string): Texts {
  return JSON.parse(readFileSync(file, 'utf8')) as Texts;
}

function isTranslateFunction(node: ts.Expression): boolean {
  if (!ts.isPropertyAccessExpression(node) || node.name.text !== 't') return false;
  const owner = node.expression;
  return (
    (ts.isIdentifier(owner) ? owner : ts.isPropertyAccessExpression(owner) ? owner.name : undefined)?.text === 'l10n'
  );
}

/** Every call of `l10n.t` in src. */
function callsInSource(): Call[] {
  const calls: Call[] = [];
  for (const entry of readdirSync('src', { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue;
    const path = join(entry.parentPath, entry.name);
    const text = readFileSync(path, 'utf8');
    if (!text.includes('l10n')) continue;
    const file = ts.createSourceFile(path, text, ts.ScriptTarget.Latest);
    const visit = (node: ts.Node): void => {
      if (ts.isCallExpression(node) && isTranslateFunction(node.expression)) {
        const [first, ...rest] = node.arguments;
        calls.push({
          position: `${path}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`,
          text: first && ts.isStringLiteral(first) ? first.text : undefined,
          argumentCount: rest.length,
        });
      }
      ts.forEachChild(node, visit);
    };
    visit(file);
  }
  return calls;
}

/** The distinct placeholders of a text, sorted: `{0}`, `{1}`. */
function placeholders(text: string): string[] {
  return [...new Set(text.match(/\{\d+\}/g))].sort();
}

/** Returns the parts that a translation must repeat: placeholders, command links, setting links, code. */
function references(text: string): string[] {
  return [...placeholders(text), ...(text.match(/\(command:[^)]+\)|`[^`]+`/g) ?? []).sort()];
}

describe('localization', () => {
  const calls = callsInSource();
  const bundle = readTexts('l10n/bundle.l10n.json');

  it('passes a string literal to every call of l10n.t, because only these can be exported', () => {
    assert.ok(calls.length > 500, String(calls.length));
    assert.deepEqual(
      calls.filter(({ text }) => text === undefined).map(({ position }) => position),
      [],
    );
  });

  it('passes an argument for each placeholder of a text, or none if a page fills them in', () => {
    for (const { position, text = '', argumentCount } of calls) {
      if (argumentCount === 0) continue;
      const expected = Array.from({ length: argumentCount }, (_, index) => `{${index}}`);
      assert.deepEqual(placeholders(text), expected, position);
    }
  });

  it('exports exactly the texts of src to l10n/bundle.l10n.json (if this fails: npm run l10n)', () => {
    const texts = new Set(calls.map(({ text = '' }) => text));
    const exported = Object.keys(bundle);
    assert.deepEqual([...texts].filter((text) => !(text in bundle)).sort(), [], 'missing in the bundle');
    assert.deepEqual(
      exported.filter((text) => !texts.has(text)),
      [],
      'no longer in src',
    );
    assert.deepEqual(exported, [...texts].sort(), 'not sorted');
    assert.deepEqual(exported, Object.values(bundle));
  });

  it('repeats the placeholders of a text in its translation, and translates no text that src does not have', () => {
    const files = readdirSync('l10n').filter((name) => name !== 'bundle.l10n.json');
    for (const name of files) {
      for (const [text, translation] of Object.entries(readTexts(join('l10n', name)))) {
        assert.ok(text in bundle, `${name}: ${text}`);
        assert.deepEqual(placeholders(translation), placeholders(text), `${name}: ${text}`);
        assert.equal(translation.endsWith('…'), text.endsWith('…'), `${name}: ${text}`);
      }
    }
  });

  for (const language of LANGUAGES) {
    it(`translates every text of src to ${language}`, () => {
      const translated = readTexts(`l10n/bundle.l10n.${language}.json`);
      assert.deepEqual(
        Object.keys(bundle).filter((text) => !translated[text]),
        [],
      );
    });

    it(`translates every text of package.json to ${language}, with the same links`, () => {
      const original = readTexts('package.nls.json');
      const translated = readTexts(`package.nls.${language}.json`);
      assert.deepEqual(Object.keys(translated), Object.keys(original));
      for (const [key, text] of Object.entries(original)) {
        assert.deepEqual(references(translated[key] ?? ''), references(text), key);
      }
    });
  }

  it('packages the bundle and all translations', () => {
    const { l10n } = JSON.parse(readFileSync('package.json', 'utf8')) as { readonly l10n: string };
    assert.ok(existsSync(join(l10n, 'bundle.l10n.json')));
    const packaged = readFileSync('.vscodeignore', 'utf8').split('\n');
    for (const line of [
      '!l10n/**',
      '!package.nls.json',
      ...LANGUAGES.map((language) => `!package.nls.${language}.json`),
    ]) {
      assert.ok(packaged.includes(line), line);
    }
  });
});
