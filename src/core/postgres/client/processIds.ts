/** The largest process id of any system. */
const MAX_PID = 2 ** 22;

/**
 * Decides which of the numbers that `pg_background_launch` returns are process ids. If a worker ends before its launcher reads its
 * pid, the number is a leftover: 0, -435705099, or the process id of the session's previous worker (measured with 2.0.3 on a busy
 * machine: 24 of 3,000 launches). Calls for the worker need that number anyway.
 */
export class ProcessIds {
  #last: { readonly pid: number; readonly backendStart: string | undefined } | undefined;

  /**
   * @param backendStart start of the process with that number, if the server shows one
   * @returns undefined if the number cannot be the process id of the worker that was just launched
   */
  processIdOf(pid: number, backendStart: string | undefined): number | undefined {
    if (pid <= 0 || pid > MAX_PID) return undefined;
    const last = this.#last;
    const isOtherProcess =
      backendStart !== undefined && last?.backendStart !== undefined && backendStart !== last.backendStart;
    if (pid === last?.pid && !isOtherProcess) return undefined;
    this.#last = { pid, backendStart };
    return pid;
  }
}
