/** Entry point of the tests in VS Code. `runTests` of @vscode/test-electron loads it in the extension host and calls `run`. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import Mocha from 'mocha';

export function run(): Promise<void> {
  const grep = process.env['PGBG_TEST_GREP'];
  const repository = process.env['PGBG_TEST_REPOSITORY'] ?? '';
  const mocha = new Mocha({
    ui: 'bdd',
    timeout: 60_000,
    forbidOnly: true,
    forbidPending: true,
    reporter: join(repository, 'scripts/lib/countingReporter.cjs'),
    ...(grep === undefined ? {} : { grep }),
  });
  for (const name of readdirSync(__dirname).sort()) {
    if (name.endsWith('.test.js')) mocha.addFile(join(__dirname, name));
  }
  return new Promise((resolve, reject) => {
    mocha.run((failures) => {
      if (failures > 0) reject(new Error(`${failures} extension tests failed.`));
      else resolve();
    });
  });
}
