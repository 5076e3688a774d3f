import type { Disposable } from '../jobs/ports';

/** A timer that is late by this much was not on time because this process slept, or was busy. Milliseconds. */
const LATE_MS = 1000;

/**
 * Calls once when nothing was heard for so long. What passed while the machine slept (a closed laptop, a stopped process) does not
 * count: the answer may have come meanwhile and not have been read yet, and a connection that lives is not to be cut off.
 */
export function afterSilence(ms: number, call: () => void): Disposable {
  let timer: NodeJS.Timeout;
  const listen = (): void => {
    const due = performance.now() + ms;
    timer = setTimeout(() => {
      if (performance.now() > due + LATE_MS) listen();
      else call();
    }, ms);
    timer.unref();
  };
  listen();
  return { dispose: () => clearTimeout(timer) };
}
