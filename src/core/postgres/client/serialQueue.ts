/** One thing at a time, in the order in which it was asked for: a `pg` client takes one query, and pg 9 will refuse a second. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Runs the work when everything asked for before has ended, however it ended. */
  run<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work, work);
    this.#last = turn.catch(() => undefined);
    return turn;
  }
}
