import type { Connections } from '../connections/connections';
import type * as SetUpCode from './setUp';

/** Loaded on demand: a window that never uses it does not load the SQL of the schema. */
const loadSetUp = (): Promise<typeof SetUpCode> => import('./setUp');

/** Sets up, purges, and removes durable jobs, in the databases of connections. */
export class DurableAdmin {
  readonly #connections: Connections;

  constructor(connections: Connections) {
    this.#connections = connections;
  }

  /** Shows the script, and runs it if the user confirms. */
  async setUp(name: string): Promise<void> {
    const { setUpDurableJobs } = await loadSetUp();
    if (await setUpDurableJobs(this.#connections, name)) this.#follow(name);
  }

  /** Sets up durable jobs without questions. @throws Error with instructions */
  async install(name: string): Promise<void> {
    const { installDurableJobs } = await loadSetUp();
    await installDurableJobs(this.#connections, name);
    this.#follow(name);
  }

  async remove(name: string): Promise<void> {
    const { removeDurableJobs } = await loadSetUp();
    if (await removeDurableJobs(this.#connections, name)) this.#follow(name);
  }

  async purge(name: string): Promise<void> {
    const { purgeDurableJobs } = await import('./purge');
    await purgeDurableJobs(this.#connections, name);
  }

  /** Lists the durable jobs of the database again, or none if they were removed. If the connection is closed, that happens when it connects. */
  #follow(name: string): void {
    const link = this.#connections.existing(name);
    if (link?.state.kind === 'connected') link.durableSetUp();
  }
}
