import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { SETTING_DEFAULTS } from '../../src/host/base/settingDefaults';
import { fieldFault, PROFILE_FIELDS } from '../../src/core/postgres/connect/conninfo/profile';

interface Menu {
  readonly command: string;
  readonly when?: string;
  readonly group?: string;
}

interface ConnectionsSchema {
  readonly scope: string;
  readonly items: {
    readonly additionalProperties: boolean;
    readonly properties: Readonly<
      Record<string, { readonly type: string | readonly string[]; readonly enum?: readonly string[] }>
    >;
  };
}

interface Choices {
  readonly enum?: readonly string[];
  readonly enumDescriptions?: readonly string[];
}

/** Examples of `contextValue` of tree rows: see src/host/tree/nodes. */
const ROWS = [
  'connection idle usable editable',
  'connection connecting usable editable',
  'connection connected hasRunning usable editable',
  'connection error usable editable',
  'connection connected usable provided',
  'connection idle',
  'fault editable',
  'fault',
  'problem',
  'action',
  'job sql running pid cancelable active detachable unpinned',
  'job sql queued cancelable unpinned',
  'job sql succeeded pid finished rerunnable hasResults comparable pinned',
  'day',
  'worker pid sql cancelable active',
];

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

const commandIds = readFileSync('src/host/base/commandIds.ts', 'utf8');
const contextKeys = readFileSync('src/host/base/contextKeys.ts', 'utf8');

/** Whether the source declares this command or context key. */
function isKnown(id: string): boolean {
  return `${commandIds}${contextKeys}`.includes(`'${id.replace('pgBackground.', '')}'`);
}

describe('package.json', () => {
  it('has a text for every %key%, and uses every text', () => {
    const used = new Set([...text.matchAll(/%([\w.-]+)%/g)].map(([, key = '']) => key));
    assert.deepEqual([...used].sort(), Object.keys(nls).sort());
  });

  it('contributes every command of a menu', () => {
    const commands = new Set(manifest.contributes.commands.map(({ command }) => command));
    for (const [menu, items] of Object.entries(manifest.contributes.menus)) {
      for (const { command } of items) assert.ok(commands.has(command), `${menu}: ${command}`);
    }
  });

  it('has a walkthrough from a connection to results, with existing commands and packaged pages', () => {
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
        const [, name = ''] = event.split(':');
        assert.ok(isKnown(name), event);
      }
      assert.match(media.markdown ?? '', /^media\/walkthrough\/\w+\.md$/);
      const picture = readFileSync(media.markdown ?? '', 'utf8');
      assert.ok(picture.length < 1000, id);
      assert.doesNotMatch(picture, /https?:|!\[|</);
    }
  });

  it('declares the settings with the defaults that the extension uses', () => {
    const declared = Object.entries(manifest.contributes.configuration.properties);
    const defaults = Object.fromEntries(declared.map(([name, schema]) => [name, schema.default]));
    const used = Object.entries(SETTING_DEFAULTS).map(([key, value]) => [`pgBackground.${key}`, value as unknown]);
    assert.deepEqual(defaults, Object.fromEntries(used));
  });

  it('describes every value of an enumerated setting, also in connections', () => {
    const properties = manifest.contributes.configuration.properties;
    const connection = (properties['pgBackground.connections'] as ConnectionsSchema).items.properties;
    const choices = Object.entries({ ...properties, ...connection } as Record<string, Choices>).filter(
      ([, schema]) => schema.enum,
    );
    assert.ok(choices.length >= 11, String(choices.length));
    for (const [name, { enum: values, enumDescriptions = [] }] of choices) {
      const texts = enumDescriptions.map((key) => nls[key.slice(1, -1)] ?? '');
      assert.equal(texts.length, values?.length, name);
      assert.equal(new Set(enumDescriptions).size, texts.length, name);
      for (const text of texts) assert.match(text, /^.{3,}\.$/, name);
    }
  });

  it('orders settings without gaps and links only to existing settings', () => {
    const properties = manifest.contributes.configuration.properties as Record<string, { readonly order: number }>;
    const orders = Object.values(properties).map(({ order }) => order);
    assert.deepEqual(
      orders,
      orders.map((_, index) => index + 1),
    );
    const links = Object.values(nls).flatMap((text) =>
      [...text.matchAll(/`#([\w.]+)#`/g)].map(([, name = '']) => name),
    );
    assert.ok(links.length >= 6);
    for (const name of links) assert.ok(name in properties, name);
  });

  it('hides commands from the palette that need a tree row', () => {
    const palette = new Map(
      (manifest.contributes.menus['commandPalette'] ?? []).map(({ command, when }) => [command, when]),
    );
    const hidden = [...palette].filter(([, when]) => when === 'false').map(([command]) => command);
    for (const name of ['useConnectionForFile', 'useConnectionForWorkspace', 'cancelJob', 'openFaultyConnection']) {
      assert.ok(hidden.includes(`pgBackground.${name}`), name);
    }
    for (const name of ['setFileConnection', 'setDefaultConnection', 'editConnection', 'testConnection']) {
      assert.match(palette.get(`pgBackground.${name}`) ?? '', /pgBackground\.hasConnections/, name);
    }
    const row = (manifest.contributes.menus['view/item/context'] ?? []).filter(({ group }) =>
      group?.startsWith('2_use'),
    );
    assert.deepEqual(
      row.map(({ command }) => command),
      ['pgBackground.useConnectionForFile', 'pgBackground.setDefaultConnection'],
    );
  });

  it('uses only context keys that the extension sets', () => {
    const asked = new Set([...text.matchAll(/pgBackground\.((?:has|did)[A-Z]\w+|ready)/g)].map(([, key = '']) => key));
    for (const key of asked) assert.ok(contextKeys.includes(`'${key}'`), key);
  });

  it('restricts the settings that decide where to connect in untrusted workspaces', () => {
    assert.deepEqual(manifest.capabilities.untrustedWorkspaces.restrictedConfigurations, [
      'pgBackground.connections',
      'pgBackground.defaultConnection',
    ]);
  });

  it('has a schema for connections that accepts the same fields and values as the extension', () => {
    const { items, scope } = manifest.contributes.configuration.properties[
      'pgBackground.connections'
    ] as ConnectionsSchema;
    // Folders of a multi-root workspace can define connections.
    assert.equal(scope, 'resource');
    assert.equal(items.additionalProperties, false);
    assert.deepEqual(Object.keys(items.properties).sort(), [...PROFILE_FIELDS].sort());
    for (const [field, schema] of Object.entries(items.properties)) {
      const problem = (value: unknown): unknown => fieldFault(field, value);
      for (const value of schema.enum ?? []) assert.equal(problem(value), undefined, `${field}: ${value}`);
      if (schema.enum) assert.notEqual(problem('none of these'), undefined, field);
      const types = [schema.type].flat();
      for (const [type, value] of Object.entries({ string: 'charts.red', integer: 5, boolean: true })) {
        if (!types.includes(type)) assert.notEqual(problem(value), undefined, `${field} is no ${type}`);
        else if (!schema.enum && field !== 'port') assert.equal(problem(value), undefined, `${field} is a ${type}`);
      }
    }
    assert.equal(fieldFault('port', 5432), undefined);
    assert.equal(fieldFault('port', '5432,5433'), undefined);
  });

  it('has at most three inline actions per row, and lists destructive commands last', () => {
    const items = manifest.contributes.menus['view/item/context'] ?? [];
    for (const words of ROWS) {
      const fits = items.filter(({ when = '' }) =>
        [...when.matchAll(/viewItem =~ \/(.*?)\//g)].every(([, pattern = '']) => new RegExp(pattern).test(words)),
      );
      const inline = fits.filter(({ group = '' }) => group.startsWith('inline')).map(({ command }) => command);
      assert.ok(inline.length <= 3, `${words}: ${inline.join()}`);
      assert.equal(new Set(inline).size, inline.length);
      const destructive = /cancel|forget|remove|detach|clear|purge/i;
      for (const { command, group = '' } of fits.filter((item) => !item.group?.startsWith('inline'))) {
        assert.equal(group.startsWith('9_destructive'), destructive.test(command), `${words}: ${command} in ${group}`);
      }
    }
  });

  it('compiles against the API of the oldest supported VS Code', () => {
    assert.equal(manifest.engines.vscode, `^${manifest.devDependencies['@types/vscode'] ?? ''}`);
  });

  it('pins dependencies', () => {
    for (const [name, version] of Object.entries(manifest.devDependencies))
      assert.match(version, /^\d+\.\d+\.\d+$/, name);
  });

  it('has no registry or mirror URLs in the lock file', () => {
    assert.ok(!readFileSync('package-lock.json', 'utf8').includes('"resolved"'));
  });

  it('has no telemetry and no native client', () => {
    for (const name of readdirSync('src', { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      assert.doesNotMatch(readFileSync(`${name.parentPath}/${name.name}`, 'utf8'), /createTelemetryLogger|pg-native/);
    }
  });
});
