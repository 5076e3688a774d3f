import assert from 'node:assert/strict';
import * as vscode from 'vscode';
import type { PgBackgroundApi } from '../../src/api';
import { closeAll, cursorAt, launchedBy, open, problems, replace, set } from './editorSupport';
import { activate, sql } from './support';
import type { Job } from '../../src/core/jobs/job';
import { Canceling } from '../../src/host/jobs/canceling';
import type { Connections } from '../../src/host/connections/connections';
import type { JobService } from '../../src/core/jobs/jobService';

/** A dump as written by pg_dump. */
const DUMP = `--
-- PostgreSQL database dump
--

\\restrict kF2ZcXnq8n5R

SET statement_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET default_tablespace = '';

CREATE SCHEMA shop;

CREATE FUNCTION shop.early() RETURNS bigint
    LANGUAGE sql
    AS $$ SELECT count(*) FROM shop.film; $$;

CREATE TABLE shop.film (
    id integer NOT NULL,
    title text,
    schema_now text DEFAULT current_setting('search_path')
);

ALTER TABLE shop.film ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME shop.film_id_seq START WITH 1 INCREMENT BY 1 NO MINVALUE NO MAXVALUE CACHE 1
);

COPY shop.film (id, title) FROM stdin;
1\tACADEMY'S "DINOSAUR" :x
2\t\\N
5\ttab\\there; -- $$
\\.

SELECT pg_catalog.setval('shop.film_id_seq', 5, true);

ALTER TABLE ONLY shop.film ADD CONSTRAINT film_pkey PRIMARY KEY (id);

\\unrestrict kF2ZcXnq8n5R
`;

describe('scripts in the editor', () => {
  let api: PgBackgroundApi;
  const { window } = vscode;
  const restores: (() => void)[] = [];

  before(async () => {
    api = await activate();
    await set('onStatementFailure', 'continue');
  });

  after(() => set('onStatementFailure', undefined));

  afterEach(async () => {
    for (const restore of restores.splice(0)) restore();
    await closeAll();
  });

  /** Answers modal warnings. @returns the questions with their details, and the buttons */
  function answerWarnings(answer: string | undefined): { asked: string[]; buttons: string[] } {
    const found = { asked: [] as string[], buttons: [] as string[] };
    const original = window.showWarningMessage;
    const value = (message: string, options: vscode.MessageOptions = {}, ...buttons: string[]): Promise<unknown> => {
      if (options.modal !== true) return Promise.resolve(undefined);
      found.asked.push(`${message}\n${options.detail ?? ''}`);
      found.buttons.push(...buttons);
      return Promise.resolve(answer);
    };
    Object.defineProperty(window, 'showWarningMessage', { value, configurable: true, writable: true });
    restores.push(() =>
      Object.defineProperty(window, 'showWarningMessage', { value: original, configurable: true, writable: true }),
    );
    return found;
  }

  it('restores a dump of pg_dump statement by statement', async () => {
    await sql('DROP SCHEMA IF EXISTS shop CASCADE');
    await open(DUMP);
    const { asked } = answerWarnings(undefined);
    const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.deepEqual(asked, []);
    assert.deepEqual(
      jobs.filter(({ state }) => state !== 'succeeded').map(({ sql: text, error }) => [text, error?.message]),
      [],
    );
    assert.deepEqual(await sql('SELECT id, title, schema_now FROM shop.film ORDER BY id'), [
      [1, 'ACADEMY\'S "DINOSAUR" :x', ''],
      [2, null, ''],
      [5, 'tab\there; -- $$', ''],
    ]);
    assert.deepEqual(await sql("INSERT INTO shop.film (title) VALUES ('next') RETURNING id"), [[6]]);
  });

  it('carries settings of SET to later statements and runs a transaction as one job', async () => {
    await sql('DROP SCHEMA IF EXISTS app CASCADE; CREATE SCHEMA app');
    await open(
      'SET search_path TO app;\nCREATE TABLE carried (a int);\nBEGIN;\nINSERT INTO carried VALUES (1);\nTABLE carried;\nCOMMIT;\n',
    );
    const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.deepEqual(
      jobs.map(({ state }) => state),
      ['succeeded', 'succeeded', 'succeeded'],
    );
    assert.deepEqual(await sql('SELECT a FROM app.carried'), [[1]]);
  });

  it('asks first about effects that cannot be carried, with their lines and an alternative', async () => {
    await open('CREATE TEMP TABLE passing AS SELECT 42 AS n;\nSELECT n FROM passing;\n');
    const first = answerWarnings(undefined);
    assert.deepEqual(await launchedBy(api, 'pgBackground.runEachStatementInBackground'), []);
    assert.match(first.asked.join(), /Line 1: passing is temporary/);
    answerWarnings('Run as One Job');
    const [job] = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.match(job!.sql, /^CREATE TEMP TABLE[^]*FROM passing;/);
  });

  it('skips a transaction that is rolled back, after a question', async () => {
    await sql('DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS n');
    await open('SELECT 1;\nBEGIN;\nDELETE FROM kept WHERE n = 1;\nROLLBACK;\nSELECT 2;\n');
    const { asked } = answerWarnings('Run Each Statement Anyway');
    const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.match(asked.join(), /Line 2: This transaction ends in ROLLBACK/);
    assert.deepEqual(
      jobs.map(({ sql: text }) => text),
      ['SELECT 1', 'SELECT 2'],
    );
    assert.deepEqual(await sql('SELECT n FROM kept'), [[1]]);
  });

  for (const [name, above, below, expected] of [
    ['a transaction that is rolled back', 'BEGIN;', 'ROLLBACK;', /Line 3: ROLLBACK undoes it/],
    ['a transaction that has no end', 'START TRANSACTION;', 'SELECT 1;', /Line 1: START TRANSACTION begins/],
    ['a read-only transaction', 'BEGIN READ ONLY;', 'COMMIT;', /Line 1: BEGIN READ ONLY makes/],
    ['another connection', '\\c other', '', /Line 1: \\c other/],
    ['a condition that is false', '\\if false', '\\endif', /Line 1: \\if false: psql does not run it/],
    ['AUTOCOMMIT off', '\\set AUTOCOMMIT off', '', /Line 1: \\set AUTOCOMMIT off/],
    ['a role', 'SET ROLE auditor;', '', /Line 1: The file sets role/],
  ] as const) {
    it(`asks before it runs a statement below ${name} alone`, async () => {
      await sql('DROP TABLE IF EXISTS kept; CREATE TABLE kept AS SELECT 1 AS n');
      const editor = await open(`${above}\nDELETE FROM kept WHERE n = 1;\n${below}\n`);
      cursorAt(editor, 'DELETE');
      const { asked } = answerWarnings(undefined);
      assert.deepEqual(await launchedBy(api, 'pgBackground.runInBackground'), []);
      assert.match(asked.join(), expected);
      answerWarnings('Run Anyway');
      const [job] = await launchedBy(api, 'pgBackground.runInBackground');
      assert.equal(job!.state, 'succeeded');
    });
  }

  it('runs a statement with the settings above it if the user chooses so, and remembers the choice for the file', async () => {
    const editor = await open("SET search_path TO app, public;\nSELECT current_setting('search_path');\n");
    cursorAt(editor, 'current_setting');
    const { asked } = answerWarnings('Run with the File’s Settings');
    for (let run = 0; run < 2; run++) {
      const [job] = await launchedBy(api, 'pgBackground.runInBackground');
      assert.deepEqual((await api.rows(job!.id, 0, 1)).rows, [['app, public']]);
      // The same text again would count as a double click.
      await replace(editor, 'SELECT', 'SELECT ');
    }
    assert.equal(asked.length, 1);
  });

  it('replaces a variable by its value of \\set and maps errors to their positions', async () => {
    const editor = await open("\\set x 5\n\\set name 'it''s'\nSELECT :x AS x, :'name' AS n;\n\nSELECT :x + nosuch;\n");
    cursorAt(editor, 'SELECT');
    const [job] = await launchedBy(api, 'pgBackground.runInBackground');
    assert.deepEqual((await api.rows(job!.id, 0, 1)).rows, [['5', "it's"]]);
    const jobs = await launchedBy(api, 'pgBackground.runEachStatementInBackground');
    assert.deepEqual(
      jobs.map(({ sql: text }) => text),
      ["SELECT 5 AS x, 'it''s' AS n", 'SELECT 5 + nosuch'],
    );
    const [problem] = problems(editor.document);
    assert.equal(problem && editor.document.getText(problem.range), 'nosuch');
  });

  it('offers to run each statement if one must run alone, and keeps the SET', async () => {
    await sql('DROP TABLE IF EXISTS alone; CREATE TABLE alone (a int)');
    const editor = await open(
      "SET maintenance_work_mem = '2MB';\nSELECT 1;\nCREATE INDEX CONCURRENTLY alone_a ON alone (a);\nSELECT current_setting('maintenance_work_mem');\n",
    );
    assert.deepEqual(await launchedBy(api, 'pgBackground.runFileInBackground'), []);
    const [problem] = problems(editor.document);
    const actions = await vscode.commands.executeCommand<vscode.CodeAction[]>(
      'vscode.executeCodeActionProvider',
      editor.document.uri,
      problem!.range,
    );
    const fix = actions.find(({ title }) => title === 'Run Each Statement in Background');
    const jobs = await launchedBy(api, fix!.command!.command, ...((fix!.command!.arguments ?? []) as unknown[]));
    assert.equal(jobs.length, 4);
    assert.deepEqual((await api.rows(jobs[3]!.id, 0, 1)).rows, [['2MB']]);
  });

  it('reports a cancel that cannot be sent', async () => {
    const shown = new Promise<string>((resolve) => {
      const original = window.showErrorMessage;
      const value = (message: string): Promise<undefined> => {
        resolve(message);
        return Promise.resolve(undefined);
      };
      Object.defineProperty(window, 'showErrorMessage', { value, configurable: true, writable: true });
      restores.push(() =>
        Object.defineProperty(window, 'showErrorMessage', { value: original, configurable: true, writable: true }),
      );
    });
    const job = { final: false, state: 'running', record: { label: 'stubborn' } } as unknown as Job;
    const refusing = { cancel: () => Promise.reject(new Error('permission denied')) } as unknown as JobService;
    await new Canceling(refusing, { existing: () => undefined } as unknown as Connections).cancelJobs([job]);
    assert.equal(await shown, '“stubborn” could not be canceled: permission denied');
  });
});
