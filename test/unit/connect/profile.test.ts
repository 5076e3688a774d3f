import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConnectionInfo } from '../../../src/api';
import { resolveSettings } from '../../../src/core/postgres/connect/conninfo/defaults';
import { connectEnvironment } from '../../../src/core/postgres/connect/conninfo/environment';
import { KEYWORD_FIELDS } from '../../../src/core/postgres/connect/conninfo/keywords';
import {
  CHANNEL_BINDINGS,
  PROFILE_FIELDS,
  SSL_MODES,
  TARGET_SESSION_ATTRS,
  validateProfile,
  type ConnectionProfile,
} from '../../../src/core/postgres/connect/conninfo/profile';
import { CHOICE_FIELDS, CHOICES, FLAG_FIELDS, TEXT_FIELDS } from '../../../src/shared/connectionFields';
import { faultFrom, lineOf } from './support';

describe('connection profiles', () => {
  it('accepts a complete profile unchanged', () => {
    const profile = {
      name: 'full',
      host: 'a,b,/var/run/postgresql',
      port: '5432,5433,',
      database: 'd',
      user: 'u',
      sslmode: 'verify-full',
      sslrootcert: 'system',
      sslcert: '~/my.crt',
      sslkey: '~/my.key',
      channelBinding: 'require',
      applicationName: 'a',
      searchPath: 'app, public',
      role: 'r',
      options: '-c geqo=off',
      connectTimeoutSeconds: 0,
      keepalives: false,
      keepalivesIdleSeconds: 60,
      targetSessionAttrs: 'prefer-standby',
      service: 's',
      color: '#C04040',
      production: true,
      passwordCommand: 'aws rds generate-db-auth-token',
      askPassword: true,
      allowCleartextPassword: false,
      durableRetentionDays: 30,
    };
    assert.deepEqual(validateProfile(profile), { profile });
    assert.deepEqual(validateProfile({ name: 'x', port: 5432, host: undefined, color: 'charts.red' }), {
      profile: { name: 'x', port: 5432, color: 'charts.red' },
    });
  });

  it('reports the invalid field as data, and never its value', () => {
    const cases: readonly (readonly [unknown, string])[] = [
      [null, 'profile.notObject'],
      [[], 'profile.notObject'],
      ['postgres://x', 'profile.notObject'],
      [{}, 'profile.nameMissing name'],
      [{ name: '' }, 'profile.nameEmpty name'],
      [{ name: 7 }, 'profile.nameEmpty name'],
      [{ name: 'x', port: 0 }, 'profile.notPort port'],
      [{ name: 'x', port: 65_536 }, 'profile.notPort port'],
      [{ name: 'x', port: 54.32 }, 'profile.notPort port'],
      [{ name: 'x', port: 'abc' }, 'profile.notPort port'],
      [{ name: 'x', port: true }, 'profile.notPort port'],
      [{ name: 'x', host: 'a', port: '1,2' }, 'profile.portCount port ports=2 hosts=1'],
      [{ name: 'x', host: 'a,b,c', port: '1,2' }, 'profile.portCount port ports=2 hosts=3'],
      [{ name: 'x', host: 'a,b', hostaddr: '1.2.3.4' }, 'profile.hostCount host hosts=2 addresses=1'],
      [{ name: 'x', host: 5 }, 'profile.notText host'],
      [{ name: 'x', host: 'postgres://u:secret@h/d' }, 'profile.hostIsUri host'],
      [{ name: 'x', host: 'a\0b' }, 'profile.notText host'],
      [
        { name: 'x', sslmode: 'on' },
        'profile.notOneOf sslmode choices=disable,allow,prefer,require,verify-ca,verify-full',
      ],
      [{ name: 'x', sslnegotiation: '' }, 'profile.notOneOf sslnegotiation choices=postgres,direct'],
      [{ name: 'x', user: null }, 'profile.notText user'],
      [{ name: 'x', connectTimeoutSeconds: '10' }, 'profile.notSeconds connectTimeoutSeconds max=86400'],
      [{ name: 'x', durableRetentionDays: 0.5 }, 'profile.notDays durableRetentionDays max=36500'],
      [{ name: 'x', connectTimeoutSeconds: -1 }, 'profile.notSeconds connectTimeoutSeconds max=86400'],
      [{ name: 'x', keepalives: 1 }, 'profile.notBoolean keepalives'],
      [{ name: 'x', color: 'red;' }, 'profile.notColor color'],
      [{ name: 'x', passwordCommand: ' ' }, 'profile.notCommand passwordCommand'],
      [{ name: 'x', sslMode: 'require' }, 'profile.unknownField sslMode suggestion=sslmode'],
      [{ name: 'x', ssl_root_cert: 'a' }, 'profile.unknownField ssl_root_cert suggestion=sslrootcert'],
      [{ name: 'x', dbname: 'd' }, 'profile.unknownField dbname suggestion=database'],
      [{ name: 'x', password: 'secret' }, 'profile.passwordField password'],
      [{ name: 'x', whatever: 1 }, 'profile.unknownField whatever'],
      [{ name: 'x', constructor: 1 }, 'profile.unknownField constructor'],
    ];
    for (const [value, expected] of cases) {
      const checked = validateProfile(value);
      assert.ok('fault' in checked, expected);
      assert.equal(lineOf(checked.fault), expected);
      assert.ok(!JSON.stringify(checked.fault).includes('secret'), expected);
    }
  });

  it('names the environment variable or the service that an invalid value comes from', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pgbg-profile-'));
    try {
      await writeFile(join(folder, '.pg_service.conf'), '[s]\nport=x\n[old]\nssl_min_protocol_version=TLSv1\n');
      const cases: readonly (readonly [Partial<ConnectionProfile>, NodeJS.ProcessEnv, string])[] = [
        [{}, { PGPORT: 'x' }, 'profile.notPort port variable=PGPORT'],
        [{}, { PGREQUIREPEER: 'root' }, 'parameter.requirepeer variable=PGREQUIREPEER parameter=requirepeer'],
        [{ service: 's' }, {}, 'profile.notPort port service=s'],
        [{ service: 'old' }, {}, 'parameter.oldTls service=old parameter=ssl_min_protocol_version'],
        [{ service: 'none' }, { PGSYSCONFDIR: folder }, 'service.notFound service service=none files='],
        [{ sslrootcert: 'system', sslmode: 'require' }, {}, 'profile.systemNeedsVerifyFull sslmode sslmode=require'],
        [{ sslnegotiation: 'direct' }, {}, 'profile.directNeedsTls sslmode sslmode=prefer'],
        [{ hostaddr: 'name' }, {}, 'profile.hostaddrInvalid hostaddr value=name'],
        [{ host: '@abstract' }, {}, 'profile.abstractSocket host host=@abstract'],
        [
          { sslMinProtocolVersion: 'TLSv1.3', sslMaxProtocolVersion: 'TLSv1.2' },
          {},
          'profile.tlsVersionOrder sslMinProtocolVersion',
        ],
      ];
      for (const [profile, env, expected] of cases) {
        const environment = connectEnvironment({ HOME: folder, ...env }, 'linux');
        const error: unknown = await resolveSettings({ name: 'x', user: 'u', ...profile }, environment).catch(
          (rejected: unknown) => rejected,
        );
        const line = lineOf(
          faultFrom(() => {
            throw error;
          }),
        );
        assert.ok(expected.endsWith('=') ? line.startsWith(expected) : line === expected, line);
      }
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

/** All properties written out, so that types can be compared. */
type Plain<T> = { readonly [Key in keyof T]: T[Key] };

describe('lists of the fields of a profile', () => {
  it('has the same fields and types in the public API', () => {
    // Checked by the compiler: each type must be assignable to the other, with all fields present.
    const toInfo = (profile: Required<ConnectionProfile>): Required<Plain<ConnectionInfo>> => profile;
    const toProfile = (info: Required<ConnectionInfo>): Required<Plain<ConnectionProfile>> => info;
    assert.ok(toInfo !== toProfile);
  });

  it('has a field of the profile for every field of the form, with the same choices', () => {
    const choices: Readonly<Record<string, readonly string[]>> = CHOICES;
    const ofProfile = {
      sslmode: SSL_MODES,
      channelBinding: CHANNEL_BINDINGS,
      targetSessionAttrs: TARGET_SESSION_ATTRS,
    };
    for (const [field, values] of Object.entries(ofProfile)) assert.deepEqual(choices[field], ['', ...values]);
    const fields: readonly string[] = PROFILE_FIELDS;
    const onlyInForm = [...TEXT_FIELDS, ...FLAG_FIELDS, ...CHOICE_FIELDS].filter((field) => !fields.includes(field));
    assert.deepEqual(onlyInForm, ['passwordFrom', 'scope']);
  });

  it('has a keyword of libpq for every field, except for those that libpq does not have', () => {
    const keywords = KEYWORD_FIELDS;
    assert.equal(new Set(keywords).size, keywords.length);
    const ours = PROFILE_FIELDS.filter((field) => !(keywords as readonly string[]).includes(field));
    assert.deepEqual(ours, [
      'name',
      'searchPath',
      'role',
      'color',
      'production',
      'durableRetentionDays',
      'durable',
      'readOnly',
      'workerSettings',
      'passwordCommand',
      'askPassword',
      'allowCleartextPassword',
    ]);
  });
});
