/** Helpers of the tests of the commands for durable jobs. */
import { randomUUID } from 'node:crypto';
import { Client } from 'pg';
import * as vscode from 'vscode';
import { Stubs } from './stubs';
import { databaseUrl, sql } from './support';

/** A database with pg_background of its own, with a connection in the user's settings. */
export class DurableDatabase {
  readonly name: string;

  private constructor(name: string) {
    this.name = name;
  }

  /** @param profile more fields of the connection */
  static async create(profile: Readonly<Record<string, unknown>> = {}): Promise<DurableDatabase> {
    const database = new DurableDatabase(`durable_${randomUUID().slice(0, 8)}`);
    await sql(`CREATE DATABASE ${database.name}`);
    await database.query('CREATE EXTENSION pg_background');
    await database.connection(profile);
    return database;
  }

  /** Replaces the connection with the database's name. */
  async connection(profile: Readonly<Record<string, unknown>>): Promise<void> {
    const { hostname: host, port, username: user } = new URL(databaseUrl());
    const own = { name: this.name, host, port: Number(port), user, database: this.name, ...profile };
    await vscode.workspace
      .getConfiguration('pgBackground')
      .update('connections', [own], vscode.ConfigurationTarget.Global);
  }

  /** Runs statements in the database, without the extension. */
  async query(text: string): Promise<string[][]> {
    const url = new URL(databaseUrl());
    url.pathname = `/${this.name}`;
    const client = new Client({ connectionString: url.href });
    await client.connect();
    try {
      const { rows } = await client.query<string[]>({ text, rowMode: 'array' });
      return rows;
    } finally {
      await client.end();
    }
  }

  /** The version of the setup; undefined without one. */
  async version(): Promise<number | undefined> {
    const [found] = await this.query("SELECT 1 FROM pg_namespace WHERE nspname = 'pgbackground_jobs'");
    if (!found) return undefined;
    const [[version] = []] = await this.query('SELECT version FROM pgbackground_jobs.setup');
    return Number(version);
  }

  async drop(): Promise<void> {
    await vscode.commands.executeCommand('pgBackground.disconnectConnection', this.name);
    await vscode.workspace
      .getConfiguration('pgBackground')
      .update('connections', undefined, vscode.ConfigurationTarget.Global);
    await sql(`DROP DATABASE ${this.name} WITH (FORCE)`);
  }
}

/** Replaces dialogs by answers, and keeps what they showed. */
export class Dialogs extends Stubs {
  /** Each dialog, as its message, its detail, and its buttons. */
  readonly modals: { readonly message: string; readonly detail: string; readonly buttons: readonly string[] }[] = [];
  readonly errors: { readonly message: string; readonly buttons: readonly string[] }[] = [];
  readonly infos: string[] = [];
  /** What was copied last. */
  copied = '';
  /** The button that is pressed in each dialog or error. */
  answer: string | undefined;

  constructor() {
    super();
    this.stub(vscode.window, 'showWarningMessage', (message: string, ...rest: unknown[]) => {
      const [options] = rest as [vscode.MessageOptions];
      const buttons = rest.slice(1) as string[];
      this.modals.push({ message, detail: options.detail ?? '', buttons });
      return Promise.resolve(this.answer);
    });
    this.stub(vscode.window, 'showErrorMessage', (message: string, ...rest: unknown[]) => {
      const buttons = rest.filter((item) => typeof item === 'string');
      this.errors.push({ message, buttons });
      return Promise.resolve(this.answer);
    });
    this.stub(vscode.window, 'showInformationMessage', (message: string) => {
      this.infos.push(message);
      return Promise.resolve(undefined);
    });
    this.stub(vscode.env, 'clipboard', {
      writeText: (text: string) => {
        this.copied = text;
        return Promise.resolve();
      },
    });
  }
}
