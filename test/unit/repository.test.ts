import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { formatMessages } from 'esbuild';
import { parse, printParseErrorCode, type ParseError } from 'jsonc-parser';
import { parseAllDocuments } from 'yaml';

interface Task {
  readonly label: string;
  readonly type?: string;
  readonly script?: string;
  readonly dependsOn?: readonly string[];
  readonly problemMatcher?: unknown;
}

interface Matcher {
  readonly pattern: readonly { readonly regexp: string; readonly file?: number; readonly message?: number }[];
  readonly background: { readonly beginsPattern: string; readonly endsPattern: string };
}

interface Launch {
  readonly name: string;
  readonly preLaunchTask?: string;
  readonly program?: string;
  readonly args?: readonly string[];
}

const read = (file: string): string => readFileSync(file, 'utf8');

/** Returns the files below a folder, including hidden ones. */
function filesIn(folder: string, extension: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith(extension))
    .map((file) => join(folder, file));
}

function jsonOf(file: string): unknown {
  const errors: ParseError[] = [];
  const value = parse(read(file), errors, { allowTrailingComma: false }) as unknown;
  assert.deepEqual(
    errors.map(({ error, offset }) => `${printParseErrorCode(error)} at ${offset}`),
    [],
    file,
  );
  return value;
}

const manifest = jsonOf('package.json') as {
  readonly scripts: Readonly<Record<string, string>>;
  readonly engines: { readonly node: string; readonly vscode: string };
  readonly devDependencies: Readonly<Record<string, string>>;
};

const YAML_FILES = ['compose.yaml', ...filesIn('.github', '.yml')];

describe('files for contributors', () => {
  it('parse: JSON with comments, and YAML', () => {
    for (const file of [...filesIn('.vscode', '.json'), ...filesIn('.devcontainer', '.json')]) jsonOf(file);
    assert.ok(YAML_FILES.length >= 7, YAML_FILES.join(', '));
    for (const file of YAML_FILES) {
      for (const document of parseAllDocuments(read(file), { merge: true })) {
        assert.deepEqual([...document.errors, ...document.warnings], [], file);
      }
    }
  });

  it('name only npm scripts that exist', () => {
    const named = [
      ...['.vscode/tasks.json', '.devcontainer/devcontainer.json', '.ci/run', 'CONTRIBUTING.md', 'README.md'],
      ...YAML_FILES,
      ...filesIn('docs', '.md'),
    ].flatMap((file) => [...read(file).matchAll(/\bnpm run (?:--[\w-]+ )*([\w:-]+)/g)].map(([, name = '']) => name));
    assert.ok(named.length > 10);
    assert.deepEqual(
      named.filter((name) => !(name in manifest.scripts)),
      [],
    );
  });

  it('name only files of scripts and Docker that exist', () => {
    const commands = Object.values(manifest.scripts).flatMap((command) => command.match(/scripts\/[\w./-]+/g) ?? []);
    const contexts = [...read('compose.yaml').matchAll(/context: (\w+)/g)].map(
      ([, folder = '']) => `${folder}/Dockerfile`,
    );
    const copied = [...read('docker/Dockerfile').matchAll(/^COPY (\S+)/gm)].map(([, file = '']) => `docker/${file}`);
    for (const file of [...commands, ...contexts, ...copied, '.ci/run', '.nvmrc']) assert.ok(existsSync(file), file);
  });

  it('agree on the oldest Node and the oldest VS Code', () => {
    const node = read('.nvmrc').trim();
    assert.equal(manifest.engines.node, `>=${node}`);
    assert.match(read('scripts/ensure-deps.mjs'), new RegExp(`\\[${node.replace('.', ', ')}\\]`));
    const oldest = manifest.engines.vscode.replace('^', '');
    assert.equal(manifest.devDependencies['@types/vscode'], oldest);
    assert.equal(
      read('.github/workflows/ci.yml')
        .match(/download:[\d.]+/g)
        ?.every((command) => command.endsWith(`:${oldest}`)),
      true,
    );
  });

  it('pin every GitHub action to a major version', () => {
    const used = YAML_FILES.flatMap((file) =>
      [...read(file).matchAll(/uses: (\S+)/g)].map(([, action = '']) => action),
    );
    assert.ok(used.length > 5);
    for (const action of used) assert.match(action, /^(\.\/|[\w-]+\/[\w-]+@v\d+$)/);
  });

  it('offer servers on the local machine only', () => {
    const ports = [...read('compose.yaml').matchAll(/ports: (.*)/g)].map(([, text = '']) => text);
    assert.equal(ports.length, 5);
    for (const port of ports) assert.match(port, /^\['127\.0\.0\.1:543(14|15|16|17|18):5432'\]$/);
  });

  it('agree on the address of the development server', () => {
    const [, port = ''] = /127\.0\.0\.1:(\d+)\/postgres'/.exec(read('scripts/lib/externalServer.mjs')) ?? [];
    const settings = jsonOf('scripts/demo-workspace/.vscode/settings.json') as {
      readonly 'pgBackground.connections': readonly { readonly port: number }[];
    };
    assert.deepEqual(
      settings['pgBackground.connections'].map((connection) => connection.port),
      [Number(port)],
    );
    assert.match(read('compose.yaml'), new RegExp(`127\\.0\\.0\\.1:${port}:5432`));
  });

  it('mention in their header if they could not be tested', () => {
    for (const file of ['compose.yaml', 'docker/Dockerfile', '.devcontainer/devcontainer.json'])
      assert.match(read(file).slice(0, 900), /tested/, file);
    for (const file of filesIn('.github/workflows', '.yml')) assert.match(read(file).slice(0, 500), /tested/, file);
  });
});

describe('.vscode', () => {
  const { tasks } = jsonOf('.vscode/tasks.json') as { readonly tasks: readonly Task[] };
  const { configurations } = jsonOf('.vscode/launch.json') as { readonly configurations: readonly Launch[] };

  it('has tasks for npm scripts and for other tasks only', () => {
    const labels = tasks.map(({ label }) => label);
    for (const { label, type, script = '', dependsOn } of tasks) {
      if (dependsOn) for (const other of dependsOn) assert.ok(labels.includes(other), other);
      else assert.ok(type === 'npm' && script in manifest.scripts, label);
    }
    for (const { name, preLaunchTask = '' } of configurations) assert.ok(labels.includes(preLaunchTask), name);
  });

  it('launches programs and folders that exist', () => {
    const inRepository = configurations
      .flatMap(({ program = '', args = [] }) => [program, ...args])
      .flatMap((text) => /\$\{workspaceFolder\}\/([\w./-]+)$/.exec(text)?.[1] ?? [])
      .filter((file) => !file.startsWith('.cache/'));
    assert.ok(inRepository.length >= 3);
    // The output of the build is checked by the name of its source.
    for (const file of inRepository) {
      const source = file.replace(/^dist\/(.*)\.js$/, '$1.ts');
      assert.ok(existsSync(join(process.cwd(), source)), file);
    }
  });

  it("finds esbuild's errors and the ends of a build in the output of `npm run watch`", async () => {
    const { pattern, background } = tasks.find(({ label }) => label === 'watch')!.problemMatcher as Matcher;
    const location = { file: 'src/core/sql/quote.ts', line: 31, column: 7, length: 4, lineText: 'import "./x";' };
    const [text = ''] = await formatMessages([{ text: 'Could not resolve "./x"', location }], { kind: 'error' });
    const lines = text.split('\n');
    const found = pattern.map(({ regexp }, index) => new RegExp(regexp).exec(lines[index]!));
    assert.deepEqual(found[0]?.slice(1), ['ERROR', 'Could not resolve "./x"']);
    assert.notEqual(found[1], null);
    assert.deepEqual(found[2]?.slice(1), ['src/core/sql/quote.ts', '31', '7']);
    const build = read('scripts/build.mjs');
    const printed = [...build.matchAll(/'(\[watch\] [\w ]+)\\n'/g)].map(([, line = '']) => line);
    assert.ok(printed.some((line) => new RegExp(background.beginsPattern).test(line)));
    assert.ok(printed.some((line) => new RegExp(background.endsPattern).test(line)));
  });

  it('finds Mocha where the configuration for unit tests expects it', () => {
    const mocha = createRequire(join(process.cwd(), 'package.json')).resolve('mocha/bin/mocha.js');
    assert.equal(mocha, join(process.cwd(), 'node_modules/mocha/bin/mocha.js'));
  });
});
