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
    readonly configuration: { readonly properties: Record<string, { readonly default?: unknown }> };
  };
  readonly capabilities: { readonly untrustedWorkspaces: { readonly restrictedConfigurations: readonly string[] } };
}

const text = readFileSync('package.json', 'utf8');
const manifest = JSON.parse(text) as Manifest;
const nls = JSON.parse(readFileSync('package.nls.json', 'utf8')) as Record<string, string>;

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
