/** The oracle for the effects of a job: `psql -1 -v ON_ERROR_STOP=1` with the same text. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { Client } from 'pg';
import type { ConnectionProfile } from '../../../src/core/postgres/connect/conninfo/profile';
import { splitStatements } from '../../../src/core/sql/split/statements';
import { reasonOf } from '../../reasonOf';
import { newDatabase, newEngine, type Engine, type TestServer } from '../support';
import { BASE } from './base';

/** The results of a run that must be equal. */
export interface Effect {
  /** The rows of the last statement, as text. */
  readonly rows: readonly (readonly (string | null)[])[];
  readonly rowCount: number;
  /** The contents of the database after the run: relations, their rows, functions, constraints. */
  readonly contents: readonly string[];
  readonly error?: Failure;
}

export interface Failure {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string;
  readonly hint?: string;
  /** The source from the error's position to the end of its line. */
  readonly at?: string;
}

/** Two databases with the same contents: one for psql, one for jobs. */
export class Lane {
  readonly #server: TestServer;
  readonly #psqlSide: { readonly profile: ConnectionProfile; readonly admin: Client };
  readonly #jobSide: { readonly profile: ConnectionProfile; readonly admin: Client };

  private constructor(
    server: TestServer,
    psqlSide: { readonly profile: ConnectionProfile; readonly admin: Client },
    jobSide: { readonly profile: ConnectionProfile; readonly admin: Client },
    readonly engine: Engine,
  ) {
    this.#server = server;
    this.#psqlSide = psqlSide;
    this.#jobSide = jobSide;
  }

  static async open(server: TestServer, version?: '1.8' | '1.10'): Promise<Lane> {
    const options = { schema: 'bg', ...(version === undefined ? {} : { version }) };
    const [forPsql, forJobs] = [await newDatabase(server, options), await newDatabase(server, options)];
    const engine = await newEngine(forJobs, { maxConcurrentJobs: 1 });
    return new Lane(
      server,
      { profile: forPsql, admin: await connect(forPsql) },
      { profile: forJobs, admin: await connect(forJobs) },
      engine,
    );
  }

  async close(): Promise<void> {
    await this.engine.close();
    await Promise.all([this.#psqlSide.admin.end(), this.#jobSide.admin.end()]);
  }

  /** Runs a text both ways, each in a fresh copy of the base, and throws if anything differs. */
  async compare(sql: string): Promise<void> {
    await Promise.all([reset(this.#psqlSide.admin), reset(this.#jobSide.admin)]);
    const [expected, actual] = await Promise.all([this.psql(sql), this.job(sql)]);
    assert.deepEqual(actual, expected);
  }

  async psql(sql: string): Promise<Effect> {
    const { profile, admin } = this.#psqlSide;
    const { last } = lastOf(sql);
    const input = `${sql.slice(0, last.start)}\n\\echo ${MARK}\n${sql.slice(last.start, last.next)}${last.terminated ? '' : ';'}\n\\echo ${MARK}:ROW_COUNT\n`;
    const at = ['-h', profile.host!, '-p', String(profile.port), '-U', profile.user!, '-d', profile.database!];
    const args = [
      '-X',
      '-q',
      '-1',
      '-v',
      'ON_ERROR_STOP=1',
      '-v',
      'VERBOSITY=verbose',
      '-A',
      '-t',
      '-F',
      FIELD,
      '-R',
      RECORD,
    ];
    const { output, errors } = await feed(
      join(this.#server.bin, 'psql'),
      [...args, '-P', 'null=\\N', ...at, '-f', '-'],
      input,
    );
    const [, rows = '', rowCount = '0'] = output.split(MARK);
    const failure = failureOf(errors);
    const read = failure ? [] : rowsOf(rows.replace(/^\n/, ''));
    return {
      rows: read,
      // The tags of SHOW, EXPLAIN and CALL have no count.
      rowCount: failure ? 0 : Number(rowCount) || read.length,
      contents: await contentsOf(admin),
      ...(failure ? { error: failure } : {}),
    };
  }

  async job(sql: string): Promise<Effect> {
    const job = await this.engine.ended(sql);
    const { state, error, reason, rowCount, columns } = job.record;
    assert.ok(state === 'succeeded' || state === 'failed', `${state}: ${reasonOf(job)}`);
    assert.equal(reason, undefined);
    const failed = state === 'failed';
    const withoutRows = job.notices.filter(({ message }) => message.startsWith('The rows of this'));
    if (!failed) assert.deepEqual(withoutRows, []);
    // psql prints nothing for rows without columns.
    const rows = failed || columns === undefined || columns.length === 0 ? [] : await this.engine.rows(job, 0, 5000);
    const contents = await contentsOf(this.#jobSide.admin);
    if (!failed) return { rows, rowCount: rowCount ?? 0, contents };
    const { sqlstate, message, detail, hint, position } = error!;
    const at = position === undefined ? undefined : sql.slice(position).split(/[\n;]/)[0];
    return {
      rows,
      rowCount: 0,
      contents,
      error: {
        sqlstate,
        message,
        ...(detail === undefined ? {} : { detail }),
        ...(hint === undefined ? {} : { hint }),
        ...(at === undefined ? {} : { at }),
      },
    };
  }
}

/** Compares many texts, several at a time. Throws one error that names all that differ. */
export async function compareAll(lanes: readonly Lane[], texts: readonly string[]): Promise<void> {
  const waiting = [...texts];
  const differences: string[] = [];
  const work = async (lane: Lane): Promise<void> => {
    for (let sql = waiting.shift(); sql !== undefined; sql = waiting.shift()) {
      try {
        await lane.compare(sql);
      } catch (error) {
        differences.push(`${sql}\n${error instanceof Error ? error.message : String(error)}`);
      }
    }
  };
  await Promise.all(lanes.map(work));
  assert.equal(
    differences.length,
    0,
    `${differences.length} of ${texts.length} differ from psql:\n\n${differences.join('\n\n')}`,
  );
}

export async function openLanes(server: TestServer, count: number, version?: '1.8' | '1.10'): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (let i = 0; i < count; i++) lanes.push(await Lane.open(server, version));
  return lanes;
}

const MARK = '=== last statement ===';
const FIELD = '\x1f';
const RECORD = '\x1e';

function lastOf(sql: string): { last: ReturnType<typeof splitStatements>['statements'][number] } {
  const last = splitStatements(sql).statements.at(-1);
  if (!last) throw new Error('The script has no statement.');
  return { last };
}

function rowsOf(text: string): (string | null)[][] {
  if (text === '') return [];
  return text
    .replace(/\n$/, '')
    .split(RECORD)
    .map((record) => record.split(FIELD).map((value) => (value === '\\N' ? null : value)));
}

/** Reads an error as psql prints it with VERBOSITY verbose. */
function failureOf(errors: string): Failure | undefined {
  const start = /^(?:psql:<stdin>:\d+: )?ERROR: {2}([0-9A-Z]{5}): /m.exec(errors);
  if (!start) {
    // Warnings and notices are not compared.
    assert.doesNotMatch(errors, /^psql: error/m);
    return undefined;
  }
  const text = errors.slice(start.index + start[0].length);
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}: {2}(.*?)\\n(?:[A-Z ]+:|LINE \\d|$)`, 'ms').exec(text)?.[1];
  const message =
    /^.*?(?=\n(?:LINE \d+:|DETAIL:|HINT:|QUERY:|CONTEXT:|LOCATION:|SCHEMA NAME:))/s.exec(text)?.[0] ?? text;
  const line = /^(LINE \d+: )(.*)\n( *)\^$/m.exec(text);
  const detail = field('DETAIL');
  const hint = field('HINT');
  // With QUERY, the position is in a statement of a function, not in the text.
  const inQuery = field('QUERY') !== undefined;
  const at = line && !inQuery ? (line[1]! + line[2]!).slice(line[3]!.length).split(';')[0] : undefined;
  return {
    sqlstate: start[1]!,
    message,
    ...(detail === undefined ? {} : { detail }),
    ...(hint === undefined ? {} : { hint }),
    ...(at === undefined ? {} : { at }),
  };
}

async function connect({ host, port, database, user }: ConnectionProfile): Promise<Client> {
  const client = new Client({ host, port: Number(port), database, user });
  await client.connect();
  return client;
}

async function reset(admin: Client): Promise<void> {
  await admin.query(`
    SET client_min_messages = error;
    DO $$ DECLARE s name; BEGIN
      FOR s IN SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'bg', 'hidden_pg_background_2_0')
      LOOP EXECUTE format('DROP SCHEMA %I CASCADE', s); END LOOP;
    END $$;
    CREATE SCHEMA public;
    ${BASE}`);
}

/** SQL for the contents of a database, in an order that does not depend on its history. */
async function contentsOf(admin: Client): Promise<string[]> {
  const own = `n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'bg', 'hidden_pg_background_2_0')`;
  const { rows: relations } = await admin.query<{ name: string; kind: string }>(
    `SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relkind AS kind
       FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE ${own}
     UNION ALL
     SELECT format('%I.%I(%s)', n.nspname, p.proname, pg_get_function_identity_arguments(p.oid)), 'f'
       FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace WHERE ${own}
     UNION ALL
     SELECT format('%s %s %s', conrelid::regclass, conname, pg_get_constraintdef(o.oid)), 'constraint'
       FROM pg_constraint AS o JOIN pg_namespace AS n ON n.oid = o.connamespace WHERE ${own}
     UNION ALL
     SELECT format('%I.%I', n.nspname, t.typname), 'type'
       FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace WHERE ${own} AND t.typtype IN ('e', 'd')
     UNION ALL SELECT nspname::text, 'schema' FROM pg_namespace AS n WHERE ${own}
     ORDER BY 2, 1`,
  );
  const parts = relations.map(({ name, kind }) => {
    const label = `${kind} ${name}`;
    if (kind === 'r' || kind === 'm' || kind === 'p') {
      return `SELECT '${label.replaceAll("'", "''")}: ' || coalesce(string_agg(x::text, ' ' ORDER BY x::text), '') FROM ${kind === 'p' ? '' : 'ONLY '}${name} AS x`;
    }
    if (kind === 'S') return `SELECT '${label} ' || last_value || is_called FROM ${name}`;
    return `SELECT '${label.replaceAll("'", "''")}'`;
  });
  const { rows } = await admin.query<[string]>({ text: parts.join(' UNION ALL '), rowMode: 'array' });
  return rows.map(([line]) => line).sort();
}

function feed(command: string, args: readonly string[], input: string): Promise<{ output: string; errors: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: 'pipe',
      env: { ...process.env, LC_ALL: 'C.UTF-8', PGCLIENTENCODING: 'UTF8' },
    });
    let output = '';
    let errors = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.on('error', reject).on('close', () => resolve({ output, errors }));
    // psql stops reading after an error.
    child.stdin.on('error', () => undefined);
    child.stdin.end(input);
  });
}
