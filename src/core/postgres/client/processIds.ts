/** No system counts processes beyond this. */
const LARGEST = 2 ** 22;

/**
 * Tells which of the numbers that `pg_background_launch` gives are process ids. Of a worker that ends before its launcher looks at it
 * the number is whatever stood there before: 0, -435705099, or the process id of the session's worker before (measured with 2.0.3 on
 * a busy machine: 24 of 3,000 launches). The worker's calls want that number all the same.
 */
export class ProcessIds {
  #last: { readonly pid: number; readonly backendStart: string | undefined } | undefined;

  /**
   * @param backendStart when the process with that number began, where the server shows one
   * @returns undefined where it cannot be the process id of the worker that was just launched
   */
  of(pid: number, backendStart: string | undefined): number | undefined {
    if (pid <= 0 || pid > LARGEST) return undefined;
    const last = this.#last;
    const another =
      backendStart !== undefined && last?.backendStart !== undefined && backendStart !== last.backendStart;
    if (pid === last?.pid && !another) return undefined;
    this.#last = { pid, backendStart };
    return pid;
  }
}
