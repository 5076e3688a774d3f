import { stackOf } from './errors';
import type { Disposable } from './disposable';
import type { Logger } from './logger';

/** Who wants to be told. One that throws is logged and stops nobody else: the engine never depends on who watches it. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  readonly #log: Pick<Logger, 'error'>;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  add(listener: (value: T) => void): Disposable {
    // A wrapper of its own, so that the same function can be added twice.
    const own = (value: T): void => listener(value);
    this.#listeners.add(own);
    return { dispose: () => this.#listeners.delete(own) };
  }

  emit(value: T): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(value);
      } catch (error) {
        this.#log.error(`A listener failed: ${stackOf(error)}`);
      }
    }
  }

  clear(): void {
    this.#listeners.clear();
  }

  get size(): number {
    return this.#listeners.size;
  }
}
