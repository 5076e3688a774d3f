import { window, workspace } from '../../vscodeStandIn';
import assert from 'node:assert/strict';
import type { CancellationToken, LanguageModelToolInvocationOptions, MarkdownString } from 'vscode';
import { Job, newRecord, type JobRecord, type NewJob } from '../../../src/core/jobs/job';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { LanguageModelTools, type ToolParts } from '../../../src/host/tools/languageModelTools';
import { IDLE_OWNER } from '../jobs/idleOwner';

type Name = Parameters<LanguageModelTools['prepare']>[0];

const DEV: ConnectionProfile = { name: 'dev', host: 'db.example', port: 5433, database: 'shop', user: 'ada' };
const LIVE: ConnectionProfile = {
  name: 'live',
  host: 'live.example',
  production: true,
  passwordCommand: 'secret-tool',
};

describe('a tool for language models', () => {
  let profiles: ConnectionProfile[];
  let defaultForCode: string | undefined;
  let settings: Record<string, unknown>;
  let listed: Job[];
  let launched: NewJob[];
  let dialogs: string[];
  let press: string | undefined;
  let beforeAnswer: () => void;
  let tools: LanguageModelTools;

  beforeEach(() => {
    profiles = [DEV, LIVE];
    defaultForCode = 'dev';
    settings = {};
    listed = [];
    launched = [];
    dialogs = [];
    press = undefined;
    beforeAnswer = () => undefined;
    workspace['isTrusted'] = true;
    workspace['getConfiguration'] = () => ({
      get: (key: string, usual: unknown) => settings[key] ?? usual,
      inspect: (key: string) => ({ globalValue: settings[key] }),
    });
    window['showWarningMessage'] = (
      message: string,
      { detail = '' }: { readonly detail?: string },
      ...items: string[]
    ) => {
      dialogs.push(`${message}\n${detail}`);
      beforeAnswer();
      return Promise.resolve(items.find((item) => item === press));
    };
    const parts = {
      connections: {
        get profiles() {
          return profiles;
        },
        get defaultForCode() {
          return defaultForCode;
        },
        find: (name: string) => profiles.find((profile) => profile.name === name),
      },
      jobs: { jobs: listed, get: (id: string) => listed.find((job) => job.id === id), notices: () => [] },
      launcher: {
        checked: (request: NewJob) => request,
        launch: (request: NewJob) => {
          launched.push(request);
          return Promise.resolve(addJob('new', request));
        },
      },
      restored: Promise.resolve(),
    };
    tools = new LanguageModelTools(parts as unknown as ToolParts);
  });

  function addJob(id: string, request: Partial<NewJob> = {}, facts: Partial<JobRecord> = {}): Job {
    const record = newRecord(id, { sql: 'SELECT 1', label: id, connection: 'dev', ...request }, 'w', 1);
    const job = new Job({ ...record, ...facts }, IDLE_OWNER);
    listed.push(job);
    return job;
  }

  async function confirmation(name: Name, input: object): Promise<{ title: string; message: string } | undefined> {
    const { confirmationMessages: asked } = await tools.prepare(name, input);
    return asked && { title: asked.title, message: (asked.message as MarkdownString).value };
  }

  async function invoke(name: Name, input: object): Promise<Record<string, unknown>> {
    const options = { input, toolInvocationToken: undefined } as LanguageModelToolInvocationOptions<object>;
    const token = { isCancellationRequested: false } as CancellationToken;
    const { content } = await tools.invoke(name, options, token);
    return JSON.parse((content[0] as { readonly value: string }).value) as Record<string, unknown>;
  }

  const run = async (input: object): Promise<Record<string, unknown>> => {
    await tools.prepare('run', input);
    return invoke('run', input);
  };

  it('shows the exact SQL, the label, and where it runs before a launch', async () => {
    const sql = 'SELECT 1\n```\n  AS "a`b" -- [x](command:y)';
    const asked = await confirmation('run', { sql, label: 'look' });
    assert.equal(asked?.title, 'Run SQL on “dev”?');
    for (const part of [`\`\`\`\`sql\n${sql}\n\`\`\`\``, 'look', 'read-only', 'db.example:5433/shop']) {
      assert.ok(asked.message.includes(part), part);
    }
    await invoke('run', { sql, label: 'look' });
    assert.deepEqual(launched, [
      { sql, label: 'look', connection: 'dev', readOnly: true, durable: false, launchedBy: 'tool' },
    ]);
    assert.deepEqual(dialogs, []);
  });

  it('shows the connection that a comment names, and the comments without effect', async () => {
    const comments =
      '-- connection: live\n-- label: of the comment\n-- durable: yes\n-- into: t replace\n-- timeout: 0\n';
    const asked = await confirmation('run', { sql: `${comments}SELECT 1` });
    assert.equal(asked?.title, 'Run SQL on “live”?');
    for (const part of ['live (production)', 'of the comment', 'timeout, into, durable']) {
      assert.ok(asked.message.includes(part), part);
    }
    // The input takes precedence.
    const given = await confirmation('run', { sql: `${comments}SELECT 1`, connection: 'dev', label: 'given' });
    assert.equal(given?.title, 'Run SQL on “dev”?');
    assert.match(given.message, /label, connection, timeout, into, durable/);
  });

  it('asks itself if VS Code has not asked exactly this, or the connection has changed since', async () => {
    await assert.rejects(invoke('run', { sql: 'SELECT 1' }), /declined/);
    assert.match(
      dialogs[0] ?? '',
      /wants to query the connection “dev”[^]*Server: ada@db.example:5433\/shop[^]*SELECT 1/,
    );

    await tools.prepare('run', { sql: 'SELECT 1' });
    await assert.rejects(invoke('run', { sql: 'SELECT 2' }), /declined/);
    profiles = [{ ...DEV, host: 'other.example' }, LIVE];
    await assert.rejects(invoke('run', { sql: 'SELECT 1' }), /declined/);
    assert.match(dialogs[2] ?? '', /other\.example/);

    press = 'Run';
    await invoke('run', { sql: 'SELECT 1' });
    assert.equal(launched.length, 1);
    // One confirmation is for one launch.
    press = undefined;
    await run({ sql: 'SELECT 3' });
    await assert.rejects(invoke('run', { sql: 'SELECT 3' }), /declined/);
  });

  it('launches nothing if the connection changes while the user is asked', async () => {
    press = 'Run';
    beforeAnswer = () => (profiles = [DEV, { ...LIVE, host: 'other.example' }]);
    await assert.rejects(run({ sql: 'SELECT 1', connection: 'live' }), /changed while the user was asked/);
    beforeAnswer = () => (settings['languageModelTools.enabled'] = false);
    await assert.rejects(run({ sql: 'SELECT 1', connection: 'live' }), /turned off/);
    assert.deepEqual(launched, []);
  });

  it('asks about writes, and warns about those that change every row', async () => {
    settings['languageModelTools.allowWrites'] = true;
    press = 'Run';
    assert.equal((await run({ sql: 'DELETE FROM t', connection: 'live' }))['readOnly'], false);
    assert.equal(dialogs.length, 1);
    assert.match(
      dialogs[0] ?? '',
      /may change data on the production connection “live”[^]*DELETE[^]*every row[^]*\n\nDELETE FROM t/,
    );
  });

  it('sees no durable jobs, and no jobs that do not exist', async () => {
    addJob('own', { launchedBy: 'tool' });
    addJob('durable-1', {}, { durable: { own: true } as NonNullable<JobRecord['durable']> });
    for (const id of ['durable-1', 'nothing']) {
      for (const name of ['status', 'rows', 'cancel'] as const) {
        assert.equal(await confirmation(name, { id }), undefined);
        await assert.rejects(invoke(name, { id }), new RegExp(`no job “${id}” in this workspace`));
      }
    }
    const { jobs, connections } = await invoke('list', {});
    assert.deepEqual(
      (jobs as { readonly id: string }[]).map(({ id }) => id),
      ['own'],
    );
    assert.deepEqual(connections, [
      { name: 'dev', default: true },
      { name: 'live', production: true },
    ]);
  });

  it('asks before it shows a job that the user launched: VS Code, and on a production connection a dialog', async () => {
    const ended = { state: 'succeeded', launchedAt: 1000, finishedAt: 2500 } as const;
    addJob('own', { launchedBy: 'tool' }, ended);
    addJob('users', {}, ended);
    addJob('users live', { connection: 'live' }, ended);
    addJob('users gone', { connection: 'removed' }, ended);
    assert.equal(await confirmation('status', { id: 'own' }), undefined);
    assert.equal((await invoke('status', { id: 'own' }))['seconds'], 1.5);
    assert.match((await confirmation('status', { id: 'users' }))?.title ?? '', /see a job that you launched/);
    await invoke('status', { id: 'users' });
    assert.deepEqual(dialogs, []);
    for (const id of ['users', 'users live', 'users gone']) {
      if (id !== 'users') await tools.prepare('status', { id });
      await assert.rejects(invoke('status', { id }), /declined/, id);
    }
    assert.equal(dialogs.length, 3);
  });

  it('returns long errors and messages cut, with the length of the rest', async () => {
    const error = { sqlstate: '22P02', message: 'x'.repeat(50_000), position: 7 };
    addJob('own', { launchedBy: 'tool', sql: 'SELECT nonsense' }, { state: 'failed', error });
    const { error: shown } = (await invoke('status', { id: 'own' })) as { readonly error: Record<string, string> };
    assert.match(shown['message'] ?? '', /^x{1000}… \(\+49 kB\)$/);
    assert.equal(shown['at'], 'nonsense');
  });
});
