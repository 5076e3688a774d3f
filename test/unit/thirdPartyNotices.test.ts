import assert from 'node:assert/strict';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

interface Notices {
  bundledPackages(metafiles: readonly unknown[]): string[];
  noticesOf(root: string, folders: readonly string[]): Promise<string>;
}

describe('third-party notices', () => {
  let notices: Notices;
  let root: string;

  before(async () => {
    // Imported at run time, so that the script is not bundled into this file.
    const script = pathToFileURL(join(process.cwd(), 'scripts/lib/thirdPartyNotices.mjs')).href;
    notices = (await import(script)) as Notices;
    root = await mkdtemp(join(tmpdir(), 'pgbg-notices-'));
  });
  after(() => rm(root, { recursive: true }));

  async function packageWith(name: string, files: Readonly<Record<string, string>>): Promise<string> {
    const folder = `node_modules/${name}`;
    const manifest = JSON.stringify({ name, version: '1.2.3', license: 'MIT' });
    for (const [file, text] of Object.entries({ 'package.json': manifest, ...files })) {
      const path = join(root, folder, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    }
    return folder;
  }

  it('contain the license of every package in the bundles', async () => {
    const folders = JSON.parse(await readFile('dist/packages.json', 'utf8')) as string[];
    for (const expected of ['pg', 'pg-protocol', 'pg-types', 'jsonc-parser', '@vscode/webview-ui-toolkit']) {
      assert.ok(folders.includes(`node_modules/${expected}`), expected);
    }
    const text = await notices.noticesOf(process.cwd(), folders);
    for (const folder of folders) {
      const { name, version } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as Record<
        string,
        string
      >;
      const section = text.split(/^-{78}$/m).find((part) => part.trim().startsWith(`${name!} ${version!} (`));
      assert.match(section ?? '', /permission|Permission/, name);
    }
    assert.match(await readFile('.vscodeignore', 'utf8'), /^!ThirdPartyNotices\.txt$/m);
  });

  it('include a package only if the output contains code of it, nested packages too', () => {
    const inputs = {
      'src/a.ts': { bytesInOutput: 5 },
      'node_modules/used/index.js': { bytesInOutput: 5 },
      'node_modules/dropped/index.js': { bytesInOutput: 0 },
      'node_modules/@scope/one/lib/x.js': { bytesInOutput: 1 },
      'node_modules/used/node_modules/inner/x.js': { bytesInOutput: 1 },
    };
    assert.deepEqual(notices.bundledPackages([{ outputs: { a: { inputs } } }, { outputs: {} }]), [
      'node_modules/@scope/one',
      'node_modules/used',
      'node_modules/used/node_modules/inner',
    ]);
  });

  it('take a license from a file, from the README, or from the notices of another package', async () => {
    const folders = [
      await packageWith('file', { 'LICENCE.md': 'Text of file' }),
      await packageWith('readme', { 'README.md': '# x\n\n## License\n\nPermission is hereby granted to readme' }),
      await packageWith('noted', {}),
      await packageWith('other', {
        LICENSE: 'Text of other',
        NOTICES: 'Intro\n---\n\nnoted 1.0 - MIT\n\nPermission for noted\n\n---\n',
      }),
    ];
    const text = await notices.noticesOf(root, folders);
    for (const part of ['Text of file', 'hereby granted to readme', 'Permission for noted', 'Text of other']) {
      assert.ok(text.includes(part), part);
    }
  });

  it('fail with the names of packages whose license is missing', async () => {
    const folders = [
      await packageWith('fine', { LICENSE: 'Text' }),
      await packageWith('bare', { 'README.md': '## License\n\n[MIT](https://example.com)' }),
    ];
    await assert.rejects(notices.noticesOf(root, folders), /No license text was found for node_modules\/bare\./);
  });
});
