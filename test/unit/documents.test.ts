import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs';
import { dirname, join, posix } from 'node:path';

const SOURCE_FOLDERS = ['src', 'webview', 'scripts', 'test'] as const;

/** Returns the paths of all files below a folder, with slashes. */
function filesIn(folder: string, pattern: RegExp): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => posix.join(folder, file.replaceAll('\\', '/')))
    .filter((file) => pattern.test(file) && statSync(file).isFile());
}

/** Exceptions: a test of license files contains a misspelled name on purpose, and this test names documents that do not exist. */
const NO_CITATIONS = ['test/unit/thirdPartyNotices.test.ts', 'test/unit/documents.test.ts'];

/** Pictures that `npm run screenshots` takes. To be removed when they exist. */
const PENDING_IMAGES = /^docs\/images\/[\w-]+-(?:dark|light)\.png$/;

const read = (file: string): string => readFileSync(file, 'utf8');

const DOCUMENTS = [
  ...readdirSync('.').filter((file) => file.endsWith('.md')),
  ...filesIn('docs', /\.md$/),
  ...filesIn('.github', /\.md$/),
];
const SOURCES = [
  ...SOURCE_FOLDERS.flatMap((folder) => filesIn(folder, /\.([cm]?[jt]s|sql|css)$/)),
  'eslint.config.mjs',
];

/** Removes fenced code blocks, which contain no links. */
function prose(text: string): string {
  return text.replaceAll(/^ *```[^]*?^ *```/gm, '');
}

/** Returns the anchors that GitHub generates from the headings of a document. */
function anchorsOf(text: string): Set<string> {
  const anchors = new Set<string>();
  for (const [, heading = ''] of prose(text).matchAll(/^#{1,6} +(.+?) *$/gm)) {
    const slug = heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-');
    let anchor = slug;
    for (let count = 1; anchors.has(anchor); count++) anchor = `${slug}-${count}`;
    anchors.add(anchor);
  }
  return anchors;
}

/** Returns the broken links of a document. */
function brokenLinks(file: string, text: string): string[] {
  const links = [...prose(text).matchAll(/\]\(([^)\s]+)(?: "[^"]*")?\)/g)].map(([, target = '']) => target);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link) || PENDING_IMAGES.test(link)) return false;
    const [path = '', anchor] = link.split('#');
    const target = path === '' ? file : join(dirname(file), path);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(path === '' ? text : read(target)).has(anchor);
  });
}

/** Returns the documents that a text cites by name and that do not exist in the repository. */
function missingCitations(text: string): string[] {
  const cited = text.match(/(?<![\w./-])(?:docs\/[\w./-]+\.md|[A-Z][A-Z_]{2,}\.md)\b|\bDESIGN(?=[:,])/g) ?? [];
  return cited.filter((name) => name === 'DESIGN' || !(existsSync(name) || existsSync(`docs/${name}`)));
}

/** Returns the points of docs/internals/pg-background.md that a text cites. */
function citedPoints(text: string): string[] {
  return [...text.matchAll(/pg-background\.md(?:\)|`)?, (?:(?:points?|section) )?(\d+)/g)].map(
    ([, point = '']) => point,
  );
}

/** Returns the paths in inline code, except for those with a placeholder or a wildcard. */
function citedPaths(text: string): string[] {
  const roots = 'src|webview|test|scripts|docs|media|docker|\\.vscode|\\.github|\\.ci|\\.devcontainer';
  const pattern = new RegExp(`^(?:${roots})/[\\w./-]*$`);
  return [...prose(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code).filter((code) => pattern.test(code));
}

/** Returns the names of classes and similar in inline code and in diagrams. */
function citedNames(text: string): Set<string> {
  const names = [...prose(text).matchAll(/`([A-Z][a-z]\w*)(?:\.#?(\w+))?(?:\(\))?`/g)].flatMap(([, name, member]) => [
    name,
    member,
  ]);
  const diagrams = [...text.matchAll(/^```mermaid([^]*?)^```/gm)].map(([, diagram = '']) => diagram).join('\n');
  return new Set([
    ...names.filter((name) => name !== undefined),
    ...(diagrams.match(/\b(?:[A-Z][a-z]+){2,}\b/g) ?? []),
  ]);
}

describe('documents', () => {
  it('have no broken links', () => {
    assert.ok(DOCUMENTS.length >= 10);
    for (const file of DOCUMENTS) assert.deepEqual(brokenLinks(file, read(file)), [], file);
  });

  it('that code and other documents cite are in the repository', () => {
    const wrong = [...SOURCES, ...DOCUMENTS]
      .filter((file) => !NO_CITATIONS.includes(file))
      .map((file) => ({ file, missing: missingCitations(read(file)) }))
      .filter(({ missing }) => missing.length > 0)
      .map(({ file, missing }) => `${file}: ${missing.join(', ')}`);
    assert.deepEqual(wrong, []);
  });

  it('have the points that are cited by number', () => {
    const points = new Set(
      [...read('docs/internals/pg-background.md').matchAll(/^(\d+)\. /gm)].map(([, point]) => point),
    );
    assert.ok(points.size >= 24);
    for (const file of [...SOURCES, ...DOCUMENTS]) {
      for (const point of citedPoints(read(file))) assert.ok(points.has(point), `${file}: ${point}`);
    }
  });

  it('for contributors name files and classes that exist', () => {
    const sources = SOURCES.filter((file) => /^(src|webview)\//.test(file))
      .map(read)
      .join('\n');
    const words = new Set(sources.match(/[\w$]+/g));
    for (const file of DOCUMENTS.filter((name) => name === 'CONTRIBUTING.md' || name.startsWith('docs/internals/'))) {
      const text = read(file);
      assert.deepEqual(
        citedPaths(text).filter((path) => !existsSync(path)),
        [],
        file,
      );
      assert.deepEqual(
        file.endsWith('pg-background.md') ? [] : [...citedNames(text)].filter((name) => !words.has(name)),
        [],
        file,
      );
    }
  });
});

describe('the checks of documents', () => {
  it('find a broken link and a wrong anchor', () => {
    const text = 'See [a](docs/API.md), [b](nowhere.md), [c](#there), [d](#here), [e](https://x.y/z.md).\n\n## There\n';
    assert.deepEqual(brokenLinks('README.md', text), ['nowhere.md', '#here']);
    assert.deepEqual(brokenLinks('README.md', '```md\n[a](nowhere.md)\n```\n'), []);
  });

  it('find citations of documents that are not in the repository', () => {
    assert.deepEqual(missingCitations('See CONTRIBUTING.md, docs/SECURITY.md and FINDINGS.md (DESIGN: states).'), [
      'FINDINGS.md',
      'DESIGN',
    ]);
  });

  it('read points, paths and names', () => {
    assert.deepEqual(citedPoints('(docs/internals/pg-background.md, 15), [x](pg-background.md), 3'), ['15', '3']);
    assert.deepEqual(citedPaths('`src/api.ts`, `src/<name>.ts`, `npm test`, `scripts/lib`'), [
      'src/api.ts',
      'scripts/lib',
    ]);
    assert.deepEqual(
      [...citedNames('`JobService.run` and `npm`\n\n```mermaid\nA[JobQueue] --> B\n```\n')],
      ['JobService', 'run', 'JobQueue'],
    );
  });
});
