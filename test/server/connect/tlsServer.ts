/** A server with exchangeable certificates, to which psql and the extension connect. */
import assert from 'node:assert/strict';
import { TLSSocket } from 'node:tls';
import { parseConnectionString } from '../../../src/core/postgres/connect/conninfo/conninfo';
import { ConnectError, type ConnectReason } from '../../../src/core/postgres/connect/errors';
import { newServer, type TestServer } from '../support';
import { makeCertificate, type Certificate } from './certificates';
import { ask, environment, newHome, psql, reload, removeFolder, sentence, withClient } from './support';

const HBA = `
local all all trust
hostnossl all plain_only all trust
hostssl all plain_only all reject
hostssl all tls_only all trust
hostssl all cert_user all cert
hostssl all cert_wanted all trust clientcert=verify-ca
hostssl all scram_user all scram-sha-256
hostnossl all scram_user all scram-sha-256
host all postgres all trust
`;

const ROLES = ['plain_only', 'tls_only', 'cert_user', 'cert_wanted', 'scram_user'];

/** HOME in all texts is replaced by a home folder that is new for each call. */
export interface Around {
  readonly files?: Readonly<Record<string, string>>;
  readonly env?: NodeJS.ProcessEnv;
}

export class TlsServer {
  private constructor(
    readonly server: TestServer,
    /** The authority that issued the certificates, unless a certificate names another one. */
    readonly authority: Certificate,
    /** An authority that is not trusted. */
    readonly stranger: Certificate,
    readonly certificates: ReadonlyMap<string, Certificate>,
  ) {}

  static async start(): Promise<TlsServer> {
    const authority = makeCertificate({ commonName: 'Test Authority', authority: true });
    const stranger = makeCertificate({ commonName: 'Some Other Authority', authority: true });
    const certificates = new Map<string, Certificate>();
    const issue = (name: string, request: Parameters<typeof makeCertificate>[0]): void => {
      certificates.set(name, makeCertificate({ issuer: authority, ...request }));
    };
    issue('good', { commonName: 'server', names: ['localhost', '127.0.0.1'] });
    issue('rsa', { commonName: 'server', names: ['localhost'], rsa: true });
    issue('expired', { commonName: 'server', names: ['localhost', '127.0.0.1'], from: -9, until: -1 });
    issue('future', { commonName: 'server', names: ['localhost', '127.0.0.1'], from: 1 });
    issue('wrongHost', { commonName: 'db.example.com', names: ['db.example.com', '10.1.2.3'] });
    issue('unknownCa', { commonName: 'server', names: ['localhost', '127.0.0.1'], issuer: stranger });
    issue('commonName', { commonName: 'localhost' });
    issue('commonNameAddress', { commonName: '127.0.0.1' });
    issue('nameBesideCommonName', { commonName: 'localhost', names: ['db.example.com'] });
    issue('addressBesideCommonName', { commonName: 'localhost', names: ['10.1.2.3'] });
    issue('addressAsName', { commonName: 'server', names: ['127.0.0.1.example.com', 'localhost'] });
    certificates.set('selfSigned', makeCertificate({ commonName: 'localhost', names: ['localhost', '127.0.0.1'] }));
    const server = await newServer({}, HBA);
    await server.addFile('authority.crt', authority.pem);
    for (const [name, { pem, keyPem }] of certificates) {
      await server.addFile(`${name}.crt`, pem);
      await server.addFile(`${name}.key`, keyPem);
    }
    for (const role of ROLES) await server.psql(`CREATE ROLE ${role} LOGIN PASSWORD 'right'`);
    await server.psql("ALTER SYSTEM SET ssl_ca_file = 'authority.crt'");
    await server.psql('ALTER SYSTEM SET ssl = on');
    const tls = new TlsServer(server, authority, stranger, certificates);
    await tls.present('good');
    return tls;
  }

  /** Makes the server use another certificate. */
  async present(name: string): Promise<void> {
    await this.server.psql(`ALTER SYSTEM SET ssl_cert_file = '${name}.crt'`);
    await this.server.psql(`ALTER SYSTEM SET ssl_key_file = '${name}.key'`);
    await reload(this.server);
  }

  /** Connects with both clients, which must have the same result, and returns ours: `tls`, `plain`, or the error. */
  async both(parameters: string, { files = {}, env = {} }: Around = {}): Promise<string | ConnectError> {
    const { server } = this;
    const home = await newHome(files);
    try {
      const conninfo = `port=${server.port} dbname=postgres ${parameters.replaceAll('HOME', home)}`;
      const variables = Object.entries(env).map(([name, value]) => [name, value?.replaceAll('HOME', home)]);
      const around = environment(home, Object.fromEntries(variables) as NodeJS.ProcessEnv);
      const sql = `SELECT CASE WHEN ssl THEN 'tls' ELSE 'plain' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()`;
      const running = psql(server.bin, ['-c', sql, conninfo], around);
      const { profile, password, keyPassphrase } = parseConnectionString(conninfo);
      const ours = await withClient(
        { ...profile, name: 'case' },
        {
          env: around,
          ...(password === undefined ? {} : { password: () => Promise.resolve(password) }),
          ...(keyPassphrase === undefined ? {} : { keyPassphrase: () => Promise.resolve(keyPassphrase) }),
        },
        async (client) => {
          const [answer] = await ask(client, sql);
          assert.equal(client.connection.stream instanceof TLSSocket, answer === 'tls');
          return answer ?? '';
        },
      );
      const theirs = await running;
      const result = ours instanceof ConnectError ? `${ours.reason}: ${sentence(ours)}` : ours;
      assert.equal(
        ours instanceof ConnectError ? 'failed' : ours,
        theirs.status === 0 ? theirs.stdout : 'failed',
        `${theirs.stderr} / ${result}`,
      );
      return ours;
    } finally {
      await removeFolder(home);
    }
  }
}

/** Asserts a failure for this reason and with a matching sentence. */
export function failed(outcome: string | ConnectError, reason: ConnectReason, message: RegExp): void {
  assert.ok(outcome instanceof ConnectError, `It connected (${String(outcome)}).`);
  assert.equal(outcome.reason, reason, sentence(outcome));
  assert.match(sentence(outcome), message);
}
