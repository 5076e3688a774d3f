/** Runs one task at a time, in the order of the calls: a `pg` client takes one query at a time, and pg 9 will refuse a second one. */
export class SerialQueue {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the task after all earlier ones have settled, whether they succeeded or failed. */
  run<T>(task: () => Promise<T>): Promise<T> {
    const result = this.#last.then(task, task);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
