import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import type { Job } from '../../src/core/jobs/job';
import { checkBeforeLaunch } from '../../src/core/sql/classify/prelaunch';
import { directivesOf, labelFor } from '../../src/core/sql/directives';
import { newDatabase, newEngine, sharedServer, type Engine } from './support';

interface Snippet {
  readonly prefix: string;
  readonly description: string;
  readonly body: readonly string[];
}

const all = Object.values(JSON.parse(readFileSync('snippets/sql.json', 'utf8')) as Record<string, Snippet>);

/** A snippet's text as VS Code inserts it, with the default text of its placeholders or with given values. */
function expand(prefix: string, filled: Record<string, string> = {}): string {
  const snippet = all.find((entry) => entry.prefix === prefix);
  assert.ok(snippet, prefix);
  return snippet.body
    .join('\n')
    .replace(/(?<!\\)\$\{(\d+):([^}]*)\}/g, (_, number: string, text: string) => filled[number] ?? text)
    .replace(/(?<!\\)\$0/g, filled['0'] ?? '')
    .replace(/\\([$}\\])/g, '$1');
}

describe('snippets on a real server', () => {
  let engine: Engine;
  let psql: (sql: string) => Promise<string>;
  const tried = new Set<string>();

  before(async () => {
    const server = await sharedServer();
    const profile = await newDatabase(server);
    engine = await newEngine(profile);
    psql = (sql) => server.psql(sql, { database: profile.database! });
  });
  after(() => engine.close());

  async function run(prefix: string, filled?: Record<string, string>): Promise<{ job: Job; progress: string[] }> {
    tried.add(prefix);
    const sql = expand(prefix, filled);
    assert.deepEqual(checkBeforeLaunch(sql), [], sql);
    const progress: string[] = [];
    const job = engine.run(sql, { label: labelFor(sql) });
    const listener = engine.jobs.onDidChange(({ id, record }) => {
      if (id === job.id && record.progress) progress.push(`${record.progress.pct} % ${record.progress.message}`);
    });
    await job.ended;
    listener.dispose();
    assert.equal(job.state, 'succeeded', `${sql}\n${JSON.stringify(job.record)}`);
    return { job, progress };
  }

  it('pgbg-options: its comments set the options of the job', async () => {
    const { job } = await run('pgbg-options', { 0: 'SELECT 1' });
    const { problems, ...options } = directivesOf(job.record.request.sql);
    assert.deepEqual(problems, []);
    assert.deepEqual(options, { label: 'nightly report', connection: 'name', statementTimeoutMs: 300_000 });
  });

  it('pgbg-progress: the job shows its progress while it runs', async () => {
    const { job, progress } = await run('pgbg-progress', { 2: '20' });
    assert.equal(job.record.label, 'with progress');
    assert.ok(
      progress.some((text) => /^\d+ % step \d+ of 20$/.test(text)),
      progress.join(', '),
    );
  });

  it('pgbg-batches: changes every row once, in several batches', async () => {
    await psql(
      'CREATE TABLE my_table AS SELECT id * 3 AS id, 0 AS my_column, 1 AS my_value FROM generate_series(1, 1000) AS id',
    );
    const { job } = await run('pgbg-batches', { 3: '700', 5: 'my_column = my_column + my_value' });
    assert.equal(await psql('SELECT count(*) FROM my_table WHERE my_column = 1'), '1000');
    assert.deepEqual(
      job.notices.map(({ message }) => message),
      ['1000 rows changed'],
    );
    await psql('TRUNCATE my_table');
    await run('pgbg-batches');
  });

  it('pgbg-launch: returns the rows of the inner worker', async () => {
    await psql('TRUNCATE my_table; INSERT INTO my_table VALUES (1), (2)');
    const { job } = await run('pgbg-launch');
    assert.deepEqual(await engine.rows(job), [['2']]);
  });

  it('pgbg-journal: records the outcome of the inner worker', async () => {
    await psql('CREATE MATERIALIZED VIEW my_view AS SELECT 1');
    await run('pgbg-journal');
    assert.equal(
      await psql("SELECT label || ' ' || (outcome ->> 'command_tag') FROM journal"),
      'nightly REFRESH MATERIALIZED VIEW',
    );
  });

  it('runs all snippets in these tests, and each has a description', () => {
    assert.deepEqual([...tried].sort(), all.map(({ prefix }) => prefix).sort());
    for (const { description } of all) assert.ok(description.length > 10);
  });
});
