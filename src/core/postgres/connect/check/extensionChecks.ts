/** Checks of the extension pg_background and of the role's privileges. Pure: facts in, results out. */
import { quoteIdent, quoteLiteral } from '../../../sql/quote';
import { result, type CheckResult, type Fix } from './checkResult';
import type { ServerFacts } from './facts';
import { mayRun } from './serverChecks';

const CREATE = 'CREATE EXTENSION pg_background;';

export function checkExtension(facts: ServerFacts): readonly CheckResult[] {
  const { extension, available, database } = facts;
  const needsSuperuser = !facts.superuser;
  if (!extension) {
    if (available === undefined) {
      const params = { serverMajor: Math.floor(facts.versionNumber / 10_000), database };
      const fix: Fix = { code: 'fix.createExtensionAfterInstall', sql: CREATE };
      return [result('extension', 'error', { code: 'check.extensionNotOnServer', params }, fix)];
    }
    const params = { available, database };
    const fix: Fix = { code: 'fix.createExtension', params: { needsSuperuser }, sql: CREATE, ...mayRun(facts) };
    return [result('extension', 'error', { code: 'check.extensionNotInDatabase', params }, fix)];
  }
  const { version, schema } = extension;
  const results = [result('extension', 'ok', { code: 'check.extension', params: { version, schema, database } })];
  if (available !== undefined && available !== version) {
    const params = { available, version, database };
    const sql = 'ALTER EXTENSION pg_background UPDATE;';
    const fix: Fix = { code: 'fix.updateExtension', params: { needsSuperuser }, sql, ...mayRun(facts) };
    results.push(result('extensionUpdate', 'warning', { code: 'check.extensionUpdate', params }, fix));
  }
  if (/^[01]\./.test(version)) results.push(result('extensionRisk', 'warning', { code: 'check.extensionOld' }));
  else if (version === '2.0') results.push(result('extensionRisk', 'info', { code: 'check.extensionEarlyBuild' }));
  return results;
}

export function checkPrivileges(facts: ServerFacts): readonly CheckResult[] {
  const { user } = facts;
  const role = quoteIdent(user);
  const params = { user, needsSuperuser: !facts.superuser };
  const launch = checkLaunch(facts, role, params);
  return [
    ...(launch ? [launch] : []),
    facts.mayReadStats
      ? result('readStats', 'ok', { code: 'check.seesAllWorkers' })
      : result(
          'readStats',
          'info',
          { code: 'check.seesOwnWorkers', params: { user } },
          { code: 'fix.grantReadStats', params, sql: `GRANT pg_read_all_stats TO ${role};` },
        ),
    facts.maySignal
      ? result('signal', 'ok', { code: 'check.cancelsAllWorkers' })
      : result(
          'signal',
          'info',
          { code: 'check.cancelsOwnWorkers', params: { user } },
          { code: 'fix.grantSignal', params, sql: `GRANT pg_signal_backend TO ${role};` },
        ),
  ];
}

/** Undefined without the extension. */
function checkLaunch(
  { extension, user, hasRole }: ServerFacts,
  role: string,
  params: { readonly user: string; readonly needsSuperuser: boolean },
): CheckResult | undefined {
  if (!extension) return undefined;
  const { schema, mayUseSchema, mayLaunch, canGrant } = extension;
  if (mayUseSchema && mayLaunch) return result('privileges', 'ok', { code: 'check.launchAllowed', params: { user } });
  const fixes: Fix[] = [];
  if (!mayUseSchema) {
    fixes.push({ code: 'fix.grantSchema', params, sql: `GRANT USAGE ON SCHEMA ${schema} TO ${role};` });
  }
  if (!mayLaunch && hasRole) {
    fixes.push({ code: 'fix.grantLaunch', params, sql: `GRANT pgbackground_role TO ${role};` });
  } else if (!mayLaunch && canGrant) {
    const sql = `SELECT ${schema}.pg_background_grant_privileges(${quoteLiteral(user)}, false);`;
    fixes.push({ code: 'fix.grantLaunch', params, sql });
  }
  return mayUseSchema
    ? result('privileges', 'error', { code: 'check.functionsDenied', params: { user } }, ...fixes)
    : result('privileges', 'error', { code: 'check.schemaDenied', params: { user, schema } }, ...fixes);
}
