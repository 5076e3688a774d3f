import { stackOf } from './errors';
import type { Disposable } from './disposable';
import type { Logger } from './logger';

/** An event. A listener that throws is logged and does not affect the others. */
export class Emitter<T> {
  readonly #listeners = new Set<(value: T) => void>();

  readonly #log: Pick<Logger, 'error'>;

  constructor(log: Pick<Logger, 'error'>) {
    this.#log = log;
  }

  add(listener: (value: T) => void): Disposable {
    // Wrapped, so that the same function can be added twice.
    const wrapper = (value: T): void => listener(value);
    this.#listeners.add(wrapper);
    return { dispose: () => this.#listeners.delete(wrapper) };
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
