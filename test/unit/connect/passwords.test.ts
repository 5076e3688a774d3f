import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { resolveSettings } from '../../../src/core/postgres/connect/conninfo/defaults';
import { connectEnvironment } from '../../../src/core/postgres/connect/conninfo/environment';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { bindingOf } from '../../../src/core/postgres/connect/open/binding';
import { runPasswordCommand } from '../../../src/core/postgres/connect/open/passwordCommand';
import { Passwords, type PasswordHelp } from '../../../src/core/postgres/connect/open/passwords';

const PROFILE: ConnectionProfile = { name: 'c', host: 'h', user: 'u', database: 'd', passfile: '/none' };

/** Whether the user's own secrets are approved, and each call: whether the user may be asked. */
function approver(answer: boolean): { approve: PasswordHelp['approve'] & object; asked: boolean[] } {
  const asked: boolean[] = [];
  return { asked, approve: (_request, ask) => (asked.push(ask), Promise.resolve(answer)) };
}

async function passwordsOf(
  more: Partial<ConnectionProfile>,
  help: Partial<PasswordHelp> = {},
  env: NodeJS.ProcessEnv = {},
): Promise<{ find: () => Promise<unknown>; afterApproval: () => Promise<unknown> }> {
  const profile = { ...PROFILE, ...more };
  const environment = connectEnvironment({ PATH: process.env['PATH'], HOME: '/none', ...env });
  const settings = await resolveSettings(profile, environment);
  const binding = await bindingOf(settings, environment);
  const passwords = new Passwords(profile, settings, { ...help, environment }, binding);
  const target = settings.targets[0]!;
  return { find: () => passwords.forTarget(target), afterApproval: () => passwords.afterApproval(target) };
}

const stored = { password: () => Promise.resolve('stored') };

describe('where a password comes from', () => {
  let folder: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'pgbg-passwords-'));
    await writeFile(join(folder, 'pass'), 'h:5432:d:u:filed\n', { mode: 0o600 });
  });
  after(() => rm(folder, { recursive: true }));

  it('prefers the store, then the command, then the environment, then the password file', async () => {
    const passfile = join(folder, 'pass');
    const all = { passwordCommand: 'echo printed', passfile };
    const env = { PGPASSWORD: 'variable' };
    assert.deepEqual(await (await passwordsOf(all, stored, env)).find(), {
      value: 'stored',
      origin: { passwordFrom: 'store' },
    });
    assert.deepEqual(await (await passwordsOf(all, {}, env)).find(), {
      value: 'printed',
      origin: { passwordFrom: 'command' },
    });
    const fromVariable = (await (await passwordsOf({ passfile }, {}, env)).find()) as { value: string };
    assert.equal(fromVariable.value, 'variable');
    assert.deepEqual(await (await passwordsOf({ passfile })).find(), {
      value: 'filed',
      origin: { passwordFrom: 'passfile', passwordSource: passfile },
    });
    assert.equal(await (await passwordsOf({})).find(), undefined);
  });

  it('uses no known password with “askPassword”', async () => {
    const passwords = await passwordsOf({ askPassword: true }, stored, { PGPASSWORD: 'variable' });
    assert.equal(await passwords.find(), undefined);
    assert.equal(await passwords.afterApproval(), undefined);
  });

  it('uses the user’s own secrets for a workspace’s connection only after approval', async () => {
    const env = { PGPASSWORD: 'variable' };
    const no = approver(false);
    const denied = await passwordsOf({}, { approve: no.approve }, env);
    assert.equal(await denied.find(), undefined);
    assert.equal(await denied.afterApproval(), 'denied');
    assert.deepEqual(no.asked, [false, true]);

    const yes = approver(true);
    const approved = await passwordsOf({}, { approve: yes.approve }, env);
    assert.equal(((await approved.find()) as { value: string }).value, 'variable');
    assert.deepEqual(yes.asked, [false]);
  });

  it('asks for no approval without secrets, or with a stored password', async () => {
    const { approve, asked } = approver(true);
    const none = await passwordsOf({}, { approve });
    assert.equal(await none.find(), undefined);
    assert.equal(await none.afterApproval(), undefined);
    await (await passwordsOf({}, { ...stored, approve }, { PGPASSWORD: 'variable' })).find();
    assert.deepEqual(asked, []);
  });

  it('does not run the command of an untrusted profile', async () => {
    const log: string[] = [];
    const help = { allowPasswordCommand: false, log: (line: string) => log.push(line) };
    assert.equal(await (await passwordsOf({ passwordCommand: 'echo printed' }, help)).find(), undefined);
    assert.match(log.join(), /not run/);
  });
});

describe('the password command', () => {
  const environment = connectEnvironment({ PATH: process.env['PATH'] });
  const codeOf = async (command: string, signal?: AbortSignal): Promise<string> => {
    const error: unknown = await runPasswordCommand(command, {
      environment,
      ...(signal ? { signal } : {}),
    }).catch((cause: unknown) => cause);
    assert.ok(error instanceof ConnectError, String(error));
    assert.ok(!error.message.includes('S3cret'));
    return error.fault.code;
  };

  it('returns the first line of the output', async () => {
    assert.equal(await runPasswordCommand('echo first; echo second', { environment }), 'first');
  });

  it('reports a failure and empty output without the output', async () => {
    assert.equal(await codeOf('echo S3cret; exit 3'), 'connect.passwordCommandFailed');
    assert.equal(await codeOf('true'), 'connect.passwordCommandEmpty');
    assert.equal(await codeOf('kill -9 $$'), 'connect.passwordCommandKilled');
  });

  it('is stopped when connecting is canceled', async () => {
    assert.equal(await codeOf('sleep 600', AbortSignal.abort()), 'connect.canceled');
  });
});
