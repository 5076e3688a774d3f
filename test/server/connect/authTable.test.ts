/**
 * All sequences of up to three messages of a server before ReadyForQuery, with libpq (psql) as the oracle: sequences that psql rejects
 * must be rejected. A sequence that psql rejects even if it is completed correctly is not extended.
 */
import assert from 'node:assert/strict';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError } from '../../../src/core/postgres/connect/errors';
import { sharedServer, type TestServer } from '../support';
import { makeCertificate } from './certificates';
import { ScriptedServer, type Conversation, type Step } from './scriptedServer';
import { environment, newHome, psql, removeFolder, sentence, withClient } from './support';

const PASSWORD = 'S3cret-password';

const ALPHABET = [
  'Ok',
  'Cleartext',
  'MD5',
  'SASL',
  'SASL-PLUS',
  'Continue valid',
  'Continue invalid',
  'Final valid',
  'Final invalid',
  'GSS',
  'Unknown',
  'Error',
  'Notice',
  'Ready',
] as const satisfies readonly Step[];
type Name = (typeof ALPHABET)[number];
type Sequence = readonly Name[];

const REQUESTS: readonly Name[] = ['Cleartext', 'MD5', 'SASL', 'SASL-PLUS'];

interface Case {
  /** libpq's parameters. */
  readonly parameters: string;
  /** Whether the server offers TLS. */
  readonly tls?: boolean;
  readonly allowCleartextPassword?: boolean;
  /** No sequence is accepted. */
  readonly never?: true;
  /** The maximum length of sequences, 3 by default. Hundreds of sequences of 3 take long if few are rejected: see LONG. */
  readonly length?: 2;
}

/** Environment variable that tests sequences of three messages with all profiles, which takes minutes. */
const LONG = 'PGBG_LONG_TESTS';

const CASES: readonly Case[] = [
  { parameters: 'sslmode=disable' },
  { parameters: 'sslmode=disable', allowCleartextPassword: true, length: 2 },
  { parameters: 'sslmode=disable require_auth=scram-sha-256' },
  { parameters: 'sslmode=disable require_auth=none' },
  { parameters: 'sslmode=disable require_auth=!none,!password' },
  { parameters: 'sslmode=disable channel_binding=require', never: true },
  { parameters: 'sslmode=prefer require_auth=password,none' },
  { parameters: 'sslmode=allow require_auth=md5' },
  { parameters: 'sslmode=require', tls: true, length: 2 },
  { parameters: 'sslmode=require require_auth=scram-sha-256', tls: true },
  { parameters: 'sslmode=require channel_binding=require', tls: true },
  { parameters: 'sslmode=require channel_binding=disable require_auth=scram-sha-256,none', tls: true, length: 2 },
  { parameters: 'sslmode=prefer require_auth=none', tls: true, length: 2 },
  { parameters: 'sslmode=allow require_auth=password', tls: true, never: true },
];

/** Returns the messages with which a correct server would complete the sequence. */
function completion(sequence: Sequence): readonly Step[] {
  if (sequence.includes('Ok') && sequence.indexOf('Ready') > sequence.indexOf('Ok')) return [];
  const end: readonly Step[] = [...(sequence.includes('Ok') ? [] : ['Ok' as const]), 'Status', 'Key', 'Ready'];
  const last = sequence.at(-1);
  if (last === 'SASL' || last === 'SASL-PLUS') return ['Continue valid', 'Final valid', ...end];
  return last === 'Continue valid' ? ['Final valid', ...end] : end;
}

/** Whether clear text is allowed, regardless of the accepted methods. sslmode "allow" begins without TLS. */
function maySendClearText({ parameters, tls, allowCleartextPassword }: Case): boolean {
  return (tls === true && !parameters.includes('sslmode=allow')) || allowCleartextPassword === true;
}

/** Returns the rule by which we are stricter than libpq. If undefined, we must accept what psql accepts. */
function stricter(script: readonly Step[], test: Case): string | undefined {
  const methods = script.filter((step) => REQUESTS.includes(step as Name));
  if (methods.length > 1) return 'one method for each connection';
  const toOk = script.slice(0, script.indexOf('Ok'));
  if (toOk.some((step) => step === 'SASL' || step === 'SASL-PLUS') && !toOk.includes('Final valid')) {
    return 'scram-sha-256 must be complete';
  }
  if (methods[0] === 'Cleartext' && !maySendClearText(test)) return 'clear text only where it is allowed';
  return undefined;
}

describe('authentication messages in every order', () => {
  let postgres: TestServer;
  let plain: ScriptedServer;
  let encrypted: ScriptedServer;
  let ports: { plain: number; tls: number };
  let home: string;

  before(async () => {
    postgres = await sharedServer();
    home = await newHome();
    plain = new ScriptedServer(PASSWORD);
    encrypted = new ScriptedServer(PASSWORD, makeCertificate({ commonName: 'localhost' }));
    ports = { plain: await plain.listen(), tls: await encrypted.listen() };
  });
  after(async () => {
    await plain.close();
    await encrypted.close();
    await removeFolder(home);
  });

  const conninfo = ({ parameters, tls }: Case, database: string): string =>
    `host=127.0.0.1 port=${tls ? ports.tls : ports.plain} user=u dbname=${database} password=${PASSWORD} ${parameters}`;

  /** Returns which of the scripts psql accepts. One psql process connects to all of them in turn. */
  async function askPsql(test: Case, databases: readonly string[]): Promise<readonly boolean[]> {
    const server = test.tls ? encrypted : plain;
    const first = plain.add(['Ok', 'Status', 'Key', 'Ready']);
    // After a failure psql stops reading a file, but continues with the next -c.
    const commands = databases.flatMap((database) => [
      '-c',
      `\\connect -reuse-previous=off "${conninfo(test, database)} gssencmode=disable"`,
    ]);
    const start = conninfo({ parameters: 'sslmode=disable gssencmode=disable' }, first);
    const { stderr } = await psql(postgres.bin, ['-q', ...commands, start], environment(home));
    const accepted: boolean[] = [];
    for (const database of databases) {
      const conversation = await server.take(database);
      assert.ok(!conversation.stuck, `psql, ${database}: ${stderr}`);
      accepted.push(conversation.accepted);
    }
    return accepted;
  }

  async function askOurs(test: Case, database: string): Promise<Conversation & { error: ConnectError | undefined }> {
    const { profile, password = '' } = parseConnectionString(conninfo(test, database));
    const { allowCleartextPassword = false } = test;
    const outcome = await withClient(
      { ...profile, name: 'case', allowCleartextPassword },
      { env: environment(home), password: () => Promise.resolve(password) },
      () => Promise.resolve('connected'),
    );
    const conversation = await (test.tls ? encrypted : plain).take(database);
    return { ...conversation, error: outcome instanceof ConnectError ? outcome : undefined };
  }

  for (const test of CASES) {
    const allowed = test.allowCleartextPassword ? ' allowCleartextPassword' : '';
    it(`${test.parameters}${allowed}${test.tls ? ', over TLS' : ''}`, async () => {
      const server = test.tls ? encrypted : plain;
      let sequences: Sequence[] = ALPHABET.map((name) => [name]);
      let accepted = 0;
      const maxLength = process.env[LONG] ? 3 : (test.length ?? 3);
      for (let length = 1; sequences.length > 0; length++) {
        const scripts = sequences.map((sequence) => [...sequence, ...completion(sequence)]);
        const databases = scripts.map((script) => server.add(script));
        const theirs = await askPsql(test, databases);
        for (const [i, script] of scripts.entries()) {
          const about = script.join(', ');
          const ours = await askOurs(test, databases[i] ?? '');
          assert.ok(!ours.stuck, about);
          const rule = stricter(script, test);
          const expected = theirs[i] === true && rule === undefined;
          assert.equal(
            ours.error === undefined,
            expected,
            `${about}: psql ${String(theirs[i])}, rule ${String(rule)}, ${String(ours.error?.message)}`,
          );
          if (expected) accepted++;
          // After a rejection, nothing may be sent on the connection.
          else assert.ok(!ours.accepted, about);
          if (ours.error) assert.match(sentence(ours.error), /^[^\n]{20,400}\.$/, about);
          const permits =
            script[0] === 'Cleartext' &&
            maySendClearText(test) &&
            !/require_auth=(?!.*\bpassword\b)|!password|channel_binding=require/.test(test.parameters);
          assert.ok(permits || !ours.received.includes(PASSWORD), `${about}: the password was sent in clear text`);
        }
        const extendable = sequences.filter((sequence, i) => theirs[i] && !sequence.includes('Ready'));
        sequences =
          length === maxLength ? [] : extendable.flatMap((sequence) => ALPHABET.map((name) => [...sequence, name]));
      }
      assert.equal(accepted > 0, !test.never, `${accepted} accepted`);
    }).timeout(120_000);
  }
});
