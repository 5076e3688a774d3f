import * as vscode from 'vscode';
import type { Connections } from '../connections/connections';
import type * as SetUpCode from './setUp';

/** Loaded on demand: a window that never uses it does not load the SQL of the schema. */
const loadSetUp = (): Promise<typeof SetUpCode> => import('./setUp');

/** Sets up and removes durable jobs, in the databases of connections. */
export class DurableAdmin implements vscode.Disposable {
  readonly #changed = new vscode.EventEmitter<string>();
  readonly #connections: Connections;

  /** Fires with the name of a connection after its durable jobs were set up, upgraded, or removed. */
  readonly onDidChangeSetup = this.#changed.event;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Shows the script, and runs it if the user confirms. */
  async setUp(name: string): Promise<void> {
    const { setUpDurableJobs } = await loadSetUp();
    if (await setUpDurableJobs(this.#connections, name)) this.#changed.fire(name);
  }

  /** Sets up durable jobs without questions. @throws Error with instructions */
  async install(name: string): Promise<void> {
    const { installDurableJobs } = await loadSetUp();
    await installDurableJobs(this.#connections, name);
    this.#changed.fire(name);
  }

  async remove(name: string): Promise<void> {
    const { removeDurableJobs } = await loadSetUp();
    if (await removeDurableJobs(this.#connections, name)) this.#changed.fire(name);
  }

  async purge(name: string): Promise<void> {
    const { purgeDurableJobs } = await import('./purge');
    await purgeDurableJobs(this.#connections, name);
  }

  dispose(): void {
    this.#changed.dispose();
  }
}
