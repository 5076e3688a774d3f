import assert from 'node:assert/strict';
import type { ConnectionProfile } from '../../src/core/postgres/connect/conninfo/profile';
import type { NewJob } from '../../src/core/jobs/jobService';
import { newDatabase, newEngine, sharedServer, type TestServer } from './support';

const READ_ONLY_TRANSACTION = '25006';

describe('settings of the workers of a connection', () => {
  let server: TestServer;
  let profile: ConnectionProfile;

  before(async () => {
    server = await sharedServer();
    profile = await newDatabase(server);
    await server.psql('CREATE SCHEMA app; CREATE TABLE app.t AS SELECT 42 AS n', { database: profile.database! });
  });

  /** Runs a text on a connection with these fields. @returns its only value, or the SQLSTATE of its error */
  async function run(sql: string, fields: Partial<ConnectionProfile>, request: Partial<NewJob> = {}): Promise<string> {
    const engine = await newEngine({ ...profile, ...fields });
    try {
      const job = await engine.ended(sql, request);
      if (job.state === 'failed') return job.record.error?.sqlstate ?? '';
      assert.equal(job.state, 'succeeded');
      return job.record.columns === undefined ? '' : String((await engine.rows(job))[0]?.[0]);
    } finally {
      await engine.close();
    }
  }

  const LIMIT = "SELECT current_setting('lock_timeout')";

  it('apply to every worker; those of a job and of its text take precedence', async () => {
    const fields = { workerSettings: { Lock_Timeout: '5s', search_path: 'app' } };
    assert.equal(await run(LIMIT, fields), '5s');
    assert.equal(await run('SELECT n FROM t', fields), '42');
    assert.equal(await run(LIMIT, fields, { settings: { LOCK_timeout: '7s' } }), '7s');
    assert.equal(await run(`SET lock_timeout = '9s'; ${LIMIT}`, fields), '9s');
  });

  it('make its transactions read-only, whatever a job sets, unless the SQL changes it', async () => {
    const write = 'CREATE TABLE app.made AS SELECT 1 AS n';
    const fields = { readOnly: true };
    assert.equal(await run('SELECT n FROM app.t', fields), '42');
    assert.equal(await run(write, fields), READ_ONLY_TRANSACTION);
    const off = { settings: { default_transaction_read_only: 'off' } };
    assert.equal(await run(write, fields, off), READ_ONLY_TRANSACTION);
    assert.equal(await run(write, {}, { readOnly: true }), READ_ONLY_TRANSACTION);
    assert.equal(await run('DELETE FROM app.t RETURNING n', {}, { readOnly: true, ...off }), READ_ONLY_TRANSACTION);
    assert.equal(await run(`SET TRANSACTION READ WRITE; ${write}`, fields), '');
  });
});
