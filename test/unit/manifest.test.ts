import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';

interface Menu {
  readonly command: string;
}
interface Manifest {
  readonly engines: { readonly vscode: string };
  readonly devDependencies: Record<string, string>;
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly menus: Record<string, readonly Menu[]>;
    readonly walkthroughs: readonly {
      readonly steps: readonly {
        readonly id: string;
        readonly title: string;
        readonly description: string;
        readonly media: { readonly markdown?: string };
        readonly completionEvents: readonly string[];
      }[];
    }[];
    readonly configuration: { readonly properties: Record<string, { readonly default?: unknown }> };
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
}

const text = readFileSync('package.json', 'utf8');
const manifest = JSON.parse(text) as Manifest;
const nls = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;

/** Also the one that only lenses use, which is no command of the palette. */
function isCommand(id: string): boolean {
  return new RegExp(`'${id.replace('pgBackground.', '')}'`).test(readFileSync('src/host/ids.ts', 'utf8'));
}

describe('package.json', () => {
  it('every %key% has a text, and every text is used', () => {
    const used = new Set([...text.matchAll(/%([\w.]+)%/g)].map(([, key = '']) => key));
    assert.deepEqual([...used].sort(), Object.keys(nls).sort());
  });

  it('every command of a menu is contributed', () => {
    const commands = new Set(manifest.contributes.commands.map(({ command }) => command));
    for (const [menu, items] of Object.entries(manifest.contributes.menus)) {
      for (const { command } of items) assert.ok(commands.has(command), `${menu}: ${command}`);
    }
  });

  it('the walkthrough leads from a connection to results, by commands that there are and pictures that are packaged', () => {
    const [{ steps } = { steps: [] }, ...more] = manifest.contributes.walkthroughs;
    assert.deepEqual([steps.map(({ id }) => id), more], [['connect', 'run', 'watch', 'results'], []]);
    const commands = new Set(manifest.contributes.commands.map(({ command }) => command));
    const packaged = readFileSync('.vscodeignore', 'utf8').split('\n');
    assert.ok(packaged.includes('!media/walkthrough/**'));
    for (const { id, title, description, media, completionEvents } of steps) {
      for (const text of [title, description]) {
        const shown = nls[text.slice(1, -1)] ?? '';
        assert.ok(shown.length > 5 && shown.replace(/\(.*?\)/g, '').length < 250, `${id}: ${shown}`);
        for (const [, command = ''] of shown.matchAll(/\(command:([\w.]+)/g)) {
          assert.ok(commands.has(command) || command.startsWith('workbench.'), command);
        }
      }
      for (const event of completionEvents) {
        const [kind, name = ''] = event.split(':');
        const known = kind === 'onContext' ? name === 'pgBackground.hasConnections' : isCommand(name);
        assert.ok(known, event);
      }
      assert.match(media.markdown ?? '', /^media\/walkthrough\/\w+\.md$/);
      const picture = readFileSync(media.markdown ?? '', 'utf8');
      assert.ok(picture.length < 1000, id);
      assert.doesNotMatch(picture, /https?:|!\[|</);
    }
  });

  it('every setting has a default and is under pgBackground', () => {
    for (const [name, { default: value }] of Object.entries(manifest.contributes.configuration.properties)) {
      assert.match(name, /^pgBackground\./);
      assert.notEqual(value, undefined, name);
    }
  });

  it('the settings that decide where to connect are restricted in untrusted workspaces', () => {
    assert.ok(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations.includes('pgBackground.connections'));
  });

  it('@types/vscode is the oldest VS Code that is accepted', () => {
    assert.equal(manifest.engines.vscode, `^${manifest.devDependencies['@types/vscode'] ?? ''}`);
  });

  it('dependencies are pinned', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies))
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
  });

  it('no host of a registry or mirror is in the lock file', () => {
    assert.ok(!readFileSync('package-lock.json', 'utf8').includes('"resolved"'));
  });

  it('no telemetry, no bundled native client', () => {
    for (const name of readdirSync('src', { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      assert.doesNotMatch(readFileSync(`${name.parentPath}/${name.name}`, 'utf8'), /createTelemetryLogger|pg-native/);
    }
  });
});
