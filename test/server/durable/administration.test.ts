import assert from 'node:assert/strict';
import type { Fault } from '../../../src/core/base/fault';
import { inSession } from '../../../src/core/postgres/client/ownSession';
import {
  checkSetup,
  planRemoval,
  planSetup,
  runRemoval,
  runSetup,
  type SetupPlan,
} from '../../../src/core/postgres/durable/administration';
import { runScript, SETUP_VERSION } from '../../../src/core/postgres/durable/setup';
import { openClient } from '../../../src/core/postgres/connect/open/open';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { withGate } from '../../gate';
import { newDatabase, sharedServer, type TestServer } from '../support';
import { newDurableDatabase } from './support';

const plan = (profile: ConnectionProfile): Promise<SetupPlan> => inSession(openClient(profile), planSetup);

const faultOf = (found: object): string => ('fault' in found ? (found.fault as Fault).code : 'none');

describe('the administration of durable jobs', () => {
  let server: TestServer;

  before(async () => {
    server = await sharedServer();
  });

  it('shows a script that sets them up, once, and then reports their version', async () => {
    const profile = await newDatabase(server);
    const first = await plan(profile);
    assert.ok(first.kind === 'install');
    assert.deepEqual([first.database, first.role, first.version], [profile.database, profile.user, SETUP_VERSION]);
    assert.equal(await inSession(openClient(profile), (client) => runSetup(client, first.script)), true);
    assert.deepEqual(await plan(profile), { kind: 'current', database: profile.database, version: SETUP_VERSION });
    assert.equal(await inSession(openClient(profile), (client) => runSetup(client)), true);
    assert.deepEqual(await inSession(openClient(profile), (client) => checkSetup(client, '')), {
      version: SETUP_VERSION,
    });
  });

  it('runs for a role whose settings would end it, and uses none of its search_path', async () => {
    const profile = await newDatabase(server);
    const role = `limited_${profile.database!}`;
    await inSession(openClient(profile), (client) =>
      client.query(`
        CREATE ROLE ${role} LOGIN SUPERUSER;
        ALTER ROLE ${role} SET default_transaction_read_only = on;
        ALTER ROLE ${role} SET default_transaction_isolation = 'serializable';
        ALTER ROLE ${role} SET statement_timeout = 50;
        ALTER ROLE ${role} SET search_path = evil, pg_catalog;
        CREATE SCHEMA evil;
        CREATE FUNCTION evil.no(name, name) RETURNS bool LANGUAGE sql AS 'SELECT false';
        CREATE OPERATOR evil.= (FUNCTION = evil.no, LEFTARG = name, RIGHTARG = name)`),
    );
    const limited = { ...profile, user: role };
    assert.equal((await plan(limited)).kind, 'install');
    await inSession(openClient(limited), (client) => runSetup(client));
    assert.equal((await plan(limited)).kind, 'current');
  });

  it('runs nothing if the script would be another one by now', async () => {
    const profile = await newDatabase(server);
    const shown = await plan(profile);
    assert.ok(shown.kind === 'install');
    const changed = shown.script.replace('BEGIN;', 'BEGIN; ');
    assert.equal(await inSession(openClient(profile), (client) => runSetup(client, changed)), false);
    assert.equal((await plan(profile)).kind, 'install');
  });

  it('upgrades a setup whose pg_background has changed since', async () => {
    const database = await newDurableDatabase(server);
    try {
      const { admin, profile } = database;
      await admin.client.query("UPDATE pgbackground_jobs.setup SET functions = 'others'");
      const upgrade = await plan(profile);
      assert.ok(upgrade.kind === 'upgrade');
      assert.deepEqual([upgrade.installed, upgrade.version], [SETUP_VERSION, SETUP_VERSION]);
      assert.equal(
        faultOf(await inSession(openClient(profile), (client) => checkSetup(client, ''))),
        'durable.outdated',
      );
      await inSession(openClient(profile), (client) => runSetup(client, upgrade.script));
      assert.equal((await plan(profile)).kind, 'current');
    } finally {
      await database.close();
    }
  });

  it('is refused with the SQL for an administrator, which resolves the problem', async () => {
    const profile = await newDatabase(server);
    const role = `plain_${profile.database!}`;
    const plain = { ...profile, user: role };
    const asAdmin = (sql: string): Promise<unknown> =>
      inSession(openClient(profile), (client) => runScript(client, sql));
    await asAdmin(`CREATE ROLE ${role} LOGIN`);

    const denied = await plan(plain);
    assert.equal(faultOf(denied), 'durable.createDenied');
    assert.ok(denied.kind === 'refused' && denied.script !== undefined);
    await asAdmin(denied.script);

    const unused = await plan(plain);
    assert.equal(faultOf(unused), 'durable.useDenied');
    assert.ok(unused.kind === 'refused');
    assert.equal(unused.script, `GRANT pgbackground_role TO "${role}";\n`);
    await asAdmin(unused.script);
    assert.equal((await plan(plain)).kind, 'current');

    await asAdmin("UPDATE pgbackground_jobs.setup SET functions = 'others'");
    const foreign = await plan(plain);
    assert.equal(faultOf(foreign), 'durable.notOwner');
    assert.ok(foreign.kind === 'refused' && foreign.script !== undefined);
    await asAdmin(foreign.script);
    assert.equal((await plan(plain)).kind, 'current');
  });

  it('is refused without SQL where SQL would not help', async () => {
    const profile = await newDatabase(server);
    const run = (sql: string): Promise<unknown> => inSession(openClient(profile), (client) => client.query(sql));
    const refusal = async (): Promise<unknown> => {
      const found = await plan(profile);
      return [faultOf(found), found.kind === 'refused' && found.script];
    };
    await run('CREATE PUBLICATION everything FOR ALL TABLES');
    assert.deepEqual(await refusal(), ['durable.publication', undefined]);
    await run('DROP PUBLICATION everything');
    await inSession(openClient(profile), (client) => runSetup(client));
    await run('UPDATE pgbackground_jobs.setup SET version = version + 1');
    assert.deepEqual(await refusal(), ['durable.newerVersion', undefined]);
    await run('DROP EXTENSION pg_background CASCADE');
    assert.deepEqual(await refusal(), ['server.extensionMissing', undefined]);
  });

  it('removes them after listing the jobs that have not ended, and only for their owner', async () => {
    const database = await newDurableDatabase(server);
    try {
      const { profile } = database;
      const alice = await database.role('alice');
      await alice.ended('SELECT 1');
      await withGate(alice.profile, async (gate) => {
        const { id } = await alice.launch(`SELECT ${gate.wait}`, { label: 'long one' });
        await alice.until(id, ({ state }) => state === 'running');
        const mine = await inSession(openClient(alice.profile), planRemoval);
        assert.deepEqual(mine.kind === 'refused' && mine.fault.code, 'durable.removeDenied');
        const all = await inSession(openClient(profile), planRemoval);
        assert.ok(all.kind === 'remove');
        assert.deepEqual(all.unfinished, [{ id, label: 'long one', owner: database.roleName('alice') }]);
        assert.equal(all.finished, 1);
        // It does not wait for long.
        const removal = inSession(openClient(profile), async (client) => {
          await client.query("SET lock_timeout = '20ms'");
          await runRemoval(client);
        });
        await assert.rejects(removal, { fault: { code: 'durable.inUse' } });
        await gate.open();
        await alice.end(id);
      });
      await inSession(openClient(profile), runRemoval);
      const gone = await inSession(openClient(profile), planRemoval);
      assert.equal(gone.kind === 'refused' && gone.fault.code, 'durable.notSetUp');
    } finally {
      await database.close();
    }
  });
});
